import django.db.models.deletion
import lpo.tenancy.models
from django.db import migrations, models
from django.db.models import Q

from lpo.tenancy.operations import CompositeKey

KEY = {"db_constraint": False, "db_index": False, "null": True, "on_delete": django.db.models.deletion.PROTECT, "related_name": "+"}
NOTE = "Why it is the one that is paid, or is not; the client reads this."


class Migration(migrations.Migration):
    dependencies = [("sla", "0070_item_types"), ("engagements", "0130_incident_credits")]

    operations = [
        migrations.AddField("creditclaim", "incident", models.JSONField(blank=True, default=dict)),
        migrations.AddField(
            "creditclaim",
            "yields_to",
            lpo.tenancy.models.TenantForeignKey(**KEY, to="sla.creditclaim", via=["client_id", "matter_id"]),
        ),
        migrations.AddField(
            "creditclaim", "decision", lpo.tenancy.models.TenantForeignKey(**KEY, to="engagements.clientdecision")
        ),
        migrations.AddField(
            "creditclaim", "note", models.CharField(blank=True, default="", help_text=NOTE, max_length=500), preserve_default=False
        ),
        migrations.RemoveConstraint("creditclaim", "creditclaim_once"),
        migrations.AddConstraint(
            "creditclaim",
            models.UniqueConstraint(fields=["organization", "attainment"], condition=~Q(state="withdrawn"), name="creditclaim_once"),
        ),
        migrations.AddConstraint(
            "creditclaim", models.CheckConstraint(condition=Q(yields_to__isnull=True) | ~Q(note=""), name="creditclaim_yields_for_a_reason")
        ),
        CompositeKey("sla_creditclaim", ["client_id", "matter_id", "yields_to_id"], "sla_creditclaim"),
        CompositeKey("sla_creditclaim", ["decision_id"], "engagements_clientdecision"),
    ]
