from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("engagements", "0002_tenancy")]

    operations = [
        migrations.AddIndex(
            model_name="workitem",
            index=models.Index(fields=["organization", "external_id"], name="workitem_by_external_id"),
        ),
        migrations.AddIndex(
            model_name="workitem",
            index=models.Index(fields=["organization", "workstream", "state"], include=["matter_id"], name="workitem_by_state"),
        ),
        migrations.AddIndex(
            model_name="workitem",
            index=models.Index(
                fields=["organization", "workstream"], condition=models.Q(paused=True), include=["matter_id"], name="workitem_on_hold"
            ),
        ),
    ]
