from django.db import migrations, models


class Migration(migrations.Migration):
    """A version agreed before prices items of every type: it says so by naming none."""

    dependencies = [("billing", "0020_staff"), ("engagements", "0120_item_types")]

    operations = [
        migrations.AddField("chargetermversion", "item_types", models.JSONField(blank=True, db_default={}, default=dict)),
    ]
