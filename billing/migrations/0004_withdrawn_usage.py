from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_line_key")]

    operations = [
        migrations.AddField("usagerecord", "withdrawn_at", models.DateTimeField(blank=True, null=True)),
    ]
