from django.db import migrations, models

from lpo.tenancy.operations import OWN_CLIENT

# The client reads what was told and how it stands; not the item itself, nor notes, evidence and names of the provider's.
SHOWN = (
    "id, organization_id, client_id, matter_id, party, reason, started_at, ended_at, contest_by, contested_at, contest_note, resolved_at,"
    " resolution, recorded_at, withdrawn_at, published_at, shown_as"
)
FORWARDS = (
    f"CREATE POLICY portal_client ON engagements_pause AS RESTRICTIVE TO lpo_portal"
    f" USING ({OWN_CLIENT.format(column='client_id')} AND published_at IS NOT NULL);"
    f" GRANT SELECT ({SHOWN}) ON engagements_pause TO lpo_portal"
)
BACKWARDS = "REVOKE ALL ON engagements_pause FROM lpo_portal; DROP POLICY portal_client ON engagements_pause"


class Migration(migrations.Migration):
    dependencies = [("engagements", "0098_settled_pauses")]

    operations = [
        migrations.AddField("pause", "published_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("pause", "shown_as", models.CharField(blank=True, db_default="", max_length=24)),
        migrations.AddIndex(
            "pause",
            models.Index(
                condition=models.Q(("published_at__isnull", False)),
                fields=["organization", "client_id", "recorded_at", "id"],
                name="pause_published",
            ),
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
