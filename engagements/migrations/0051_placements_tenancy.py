from django.db import migrations

from lpo.tenancy.operations import APPEND_ONLY, READ_WRITE_DELETE, ReferencedBy, RefuseChange, SecureTable

PUBLISHED = "published_at IS NOT NULL"
# Both are read under the reader's own policies, so a placement on a matter that was not published shows nothing either.
PLACEMENT = (
    f"{PUBLISHED} AND EXISTS (SELECT 1 FROM engagements_matter m WHERE m.organization_id = engagements_placement.organization_id"
    " AND m.id = engagements_placement.matter_id)"
)
OF_PLACEMENT = (
    "EXISTS (SELECT 1 FROM engagements_placement p WHERE p.organization_id = {table}.organization_id AND p.id = {table}.placement_id)"
)
OF_SHEET = (
    "EXISTS (SELECT 1 FROM engagements_timesheet s WHERE s.organization_id = engagements_timesheetday.organization_id"
    " AND s.id = engagements_timesheetday.timesheet_id)"
)
# What the client's role may not read: who of the staff it is and wrote it down, and our reasons.
HIDDEN = {
    "engagements_placement": ("member_id", "notice_given_on", "ended_reason"),
    "engagements_placementterms": ("by_label",),
    "engagements_timesheet": ("reason", "submitted_by_label", "decision_id"),
}
# One approved timesheet a day of a placement. Without btree_gist a number is compared as a range of itself.
ONE_APPROVED = (
    "ALTER TABLE engagements_timesheet ADD CONSTRAINT timesheet_one_approved_a_day EXCLUDE USING gist ("
    "int8range(organization_id, organization_id, '[]') WITH &&, int8range(placement_id, placement_id, '[]') WITH &&,"
    " daterange(starts_on, ends_on, '[]') WITH &&) WHERE (state = 'approved')"
)
DRAFTED = (
    "(SELECT s.state FROM engagements_timesheet s WHERE s.organization_id = {row}.organization_id AND s.id = {row}.timesheet_id) = 'draft'"
)
# A day may be added to a draft only; `RefuseChange` watches changes and deletions.
NO_LATE_DAY = f"""
CREATE FUNCTION engagements_timesheetday_refuse_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF {DRAFTED.format(row="NEW")} THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'engagements_timesheetday belongs to a timesheet that was submitted' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER refuse_insert BEFORE INSERT ON engagements_timesheetday FOR EACH ROW EXECUTE FUNCTION engagements_timesheetday_refuse_insert();
"""
# A submitted version goes on to a decision, an approved one is superseded or published: what it says stays.
SHEET = (
    "TG_OP = 'UPDATE' AND (OLD.state = 'draft' OR to_jsonb(OLD) - '{{{free}}}'::text[] = to_jsonb(NEW) - '{{{free}}}'::text[])"
).format(free="state,version,published_at,decided_at,source,decision_id")
DECIDED = (
    " AND (OLD.decided_at IS NULL OR (OLD.decided_at, OLD.source, OLD.decision_id) IS NOT DISTINCT FROM"
    " (NEW.decided_at, NEW.source, NEW.decision_id))"
)


def narrow(table: str, hidden: tuple[str, ...]) -> migrations.RunSQL:
    names = ", ".join(f"'{name}'" for name in hidden)
    return migrations.RunSQL(
        f"DO $$ DECLARE shown text; BEGIN"  # noqa: S608 -- names of ours
        f" SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO shown FROM pg_attribute"
        f" WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT IN ({names});"
        f" REVOKE SELECT ON {table} FROM lpo_portal;"
        f" EXECUTE 'GRANT SELECT (' || shown || ') ON {table} TO lpo_portal';"
        f" END $$",
        f"GRANT SELECT ON {table} TO lpo_portal",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("engagements", "0050_placements"),
        ("audit", "0003_search"),
        ("accounts", "0002_grants"),
    ]

    operations = [
        ReferencedBy("Placement"),
        ReferencedBy("Placement", via=["client_id"]),
        ReferencedBy("Placement", via=["client_id", "matter_id"]),
        ReferencedBy("Timesheet", via=["client_id", "matter_id"]),
        ReferencedBy("TimesheetDay", via=["client_id"]),
        SecureTable("Placement", matter_column="matter_id", portal=PLACEMENT),
        SecureTable(
            "PlacementTerms",
            grants=APPEND_ONLY,
            matter_column="matter_id",
            portal=OF_PLACEMENT.format(table="engagements_placementterms"),
        ),
        SecureTable("PlacementAbsence", matter_column="matter_id"),
        SecureTable(
            "Timesheet",
            matter_column="matter_id",
            portal=f"{PUBLISHED} AND {OF_PLACEMENT.format(table='engagements_timesheet')}",
        ),
        SecureTable("TimesheetDay", grants=READ_WRITE_DELETE, matter_column="matter_id", portal=OF_SHEET),
        RefuseChange("PlacementTerms"),
        RefuseChange("PlacementAbsence", unless="TG_OP = 'UPDATE' AND OLD.withdrawn_at IS NULL", message="was taken back"),
        RefuseChange("Timesheet", unless=SHEET + DECIDED, message="was submitted; a correction is a new version"),
        RefuseChange("TimesheetDay", unless=DRAFTED.format(row="OLD"), message="belongs to a timesheet that was submitted"),
        migrations.RunSQL(ONE_APPROVED, "ALTER TABLE engagements_timesheet DROP CONSTRAINT timesheet_one_approved_a_day"),
        migrations.RunSQL(NO_LATE_DAY, "DROP FUNCTION engagements_timesheetday_refuse_insert() CASCADE"),
        *(narrow(table, hidden) for table, hidden in HIDDEN.items()),
    ]
