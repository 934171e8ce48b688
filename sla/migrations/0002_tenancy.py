from django.db import migrations

from lpo.tenancy.operations import APPEND_ONLY, READ_WRITE_DELETE, ReferencedBy, RefuseChange, SecureTable

# Publishing is the one thing that still happens to a closed figure.
OPEN_OR_PUBLISHING = (
    "OLD.state = 'open' OR (TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'published_at' = to_jsonb(OLD) - 'published_at')"
)
PUBLISHED_FIGURE = (
    "EXISTS (SELECT 1 FROM sla_attainment a WHERE a.organization_id = sla_attainmentrow.organization_id"
    " AND a.id = sla_attainmentrow.attainment_id)"
)
BELOW_MATTER = ["client_id", "matter_id"]


class Migration(migrations.Migration):
    dependencies = [("sla", "0001_initial"), ("engagements", "0002_tenancy")]

    operations = [
        ReferencedBy("Calendar"),
        ReferencedBy("CalendarVersion"),
        ReferencedBy("ServiceLevel"),
        ReferencedBy("ServiceLevel", via=BELOW_MATTER),
        ReferencedBy("ServiceLevelVersion"),
        ReferencedBy("Attainment"),
        ReferencedBy("Attainment", via=BELOW_MATTER),
        ReferencedBy("CreditClaim"),
        SecureTable("Calendar", root=True),
        SecureTable("CalendarVersion", grants=APPEND_ONLY),
        SecureTable("ServiceLevel", matter_column="matter_id"),
        SecureTable("ServiceLevelVersion", grants=APPEND_ONLY, matter_column="matter_id"),
        SecureTable("Exclusion", matter_column="matter_id"),
        SecureTable("Clock", grants=READ_WRITE_DELETE, matter_column="matter_id"),
        SecureTable("QualityCheck", grants=APPEND_ONLY, matter_column="matter_id"),
        SecureTable("Attainment", matter_column="matter_id", portal="published_at IS NOT NULL"),
        SecureTable("AttainmentRow", grants=APPEND_ONLY, matter_column="matter_id", portal=PUBLISHED_FIGURE),
        SecureTable("DirtyWindow", grants=READ_WRITE_DELETE, matter_column="matter_id"),
        SecureTable("CreditClaim", matter_column="matter_id"),
        RefuseChange("CalendarVersion", message="is frozen; add a version"),
        RefuseChange("ServiceLevelVersion", message="is frozen; add a version"),
        RefuseChange("AttainmentRow", message="is frozen"),
        RefuseChange("Attainment", unless=OPEN_OR_PUBLISHING, message="is closed; restate it as a new revision"),
    ]
