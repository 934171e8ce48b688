from django.db import migrations, models

from lpo.tenancy.operations import OWN_CLIENT

# The client reads what was told and how it stands; not the item itself, nor notes, evidence and names of the provider's.
SHOWN = (
    "id, organization_id, client_id, matter_id, level_id, reason, at, contest_by, contested_at, contest_note, resolved_at, resolution,"
    " withdrawn_at, published_at, shown_as"
)
FORWARDS = (
    f"CREATE POLICY portal_client ON sla_exclusion AS RESTRICTIVE TO lpo_portal"
    f" USING ({OWN_CLIENT.format(column='client_id')} AND published_at IS NOT NULL);"
    f" GRANT SELECT ({SHOWN}) ON sla_exclusion TO lpo_portal"
)
BACKWARDS = "REVOKE ALL ON sla_exclusion FROM lpo_portal; DROP POLICY portal_client ON sla_exclusion"


class Migration(migrations.Migration):
    dependencies = [("sla", "0045_contested_exclusions"), ("engagements", "0099_pauses_in_portal")]

    operations = [
        migrations.AddField("exclusion", "published_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("exclusion", "shown_as", models.CharField(blank=True, default="", max_length=24), preserve_default=False),
        migrations.AddIndex(
            "exclusion",
            models.Index(
                condition=models.Q(("published_at__isnull", False)),
                fields=["organization", "client_id", "at", "id"],
                name="exclusion_published",
            ),
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
