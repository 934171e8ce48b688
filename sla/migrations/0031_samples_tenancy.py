from django.db import migrations

from lpo.tenancy.operations import APPEND_ONLY, CompositeKey, ReferencedBy, RefuseChange, SecureTable

BELOW_MATTER = ["client_id", "matter_id"]


class Migration(migrations.Migration):
    dependencies = [("sla", "0030_samples"), ("billing", "0006_portal_columns")]

    operations = [
        ReferencedBy("SamplePlan", via=BELOW_MATTER),
        ReferencedBy("SampleItem", via=BELOW_MATTER),
        ReferencedBy("QualityCheck", via=BELOW_MATTER),
        ReferencedBy("Adjudication", via=BELOW_MATTER),
        SecureTable("SamplePlan", grants=APPEND_ONLY, matter_column="matter_id"),
        SecureTable("SampleItem", matter_column="matter_id"),
        SecureTable("Adjudication", grants=APPEND_ONLY, matter_column="matter_id"),
        SecureTable("QualityFinding", grants=APPEND_ONLY, matter_column="matter_id"),
        CompositeKey("sla_qualitycheck", ["client_id", "matter_id", "sampled_id"], "sla_sampleitem"),
        CompositeKey("sla_qualitycheck", ["reviewer_id"], "accounts_membership"),
        RefuseChange("SamplePlan", message="is declared; draw another"),
        RefuseChange("Adjudication", message="is decided"),
        RefuseChange("QualityFinding", message="is recorded; adjudicate it"),
        # The client reads what its error rate was weighed by.
        migrations.RunSQL("GRANT SELECT (measured) ON sla_attainment TO lpo_portal", "REVOKE SELECT (measured) ON sla_attainment FROM lpo_portal"),
    ]
