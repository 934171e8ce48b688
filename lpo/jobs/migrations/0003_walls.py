from django.db import migrations, models

from lpo.tenancy.operations import VISIBLE_MATTER


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_tenancy")]

    operations = [
        migrations.AddField("job", "matter_id", models.BigIntegerField(null=True)),
        migrations.RunSQL(
            f"CREATE POLICY wall ON jobs_job AS RESTRICTIVE TO lpo_app USING ({VISIBLE_MATTER.format(column='matter_id')})",
            "DROP POLICY wall ON jobs_job",
        ),
    ]
