from django.db import migrations

from lpo.tenancy.operations import (
    APPEND_ONLY,
    READ_WRITE_DELETE,
    CompositeKey,
    ReferencedBy,
    RefuseChange,
    SecureTable,
)

# Free text cannot use an index under row-level security (no text operator is leakproof), so a function owned by a role that
# may see only these columns finds ids, and the caller joins them back under its own policies.
SEARCH = """
CREATE INDEX workitem_text ON engagements_workitem USING gin (to_tsvector('simple', title));
GRANT SELECT (id, organization_id, title, reference, external_id) ON engagements_workitem TO lpo_search;
CREATE POLICY search ON engagements_workitem FOR SELECT TO lpo_search USING (true);
CREATE FUNCTION search_work_items(words text, n integer) RETURNS TABLE (item_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT id FROM engagements_workitem
    WHERE organization_id = NULLIF(current_setting('lpo.organization_id', true), '')::bigint
      AND to_tsvector('simple', title) @@ to_tsquery('simple', words)
    ORDER BY id DESC LIMIT n
$$;
REVOKE EXECUTE ON FUNCTION search_work_items(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_work_items(text, integer) TO lpo_app;
GRANT CREATE ON SCHEMA public TO lpo_search; -- only for the moment of taking ownership
ALTER FUNCTION search_work_items(text, integer) OWNER TO lpo_search;
REVOKE CREATE ON SCHEMA public FROM lpo_search;
"""
PUBLISHED_ENGAGEMENT = (
    "EXISTS (SELECT 1 FROM engagements_matter m WHERE m.organization_id = engagements_engagement.organization_id"
    " AND m.engagement_id = engagements_engagement.id AND m.published_at IS NOT NULL)"
)


class Migration(migrations.Migration):
    dependencies = [("engagements", "0001_initial"), ("audit", "0002_tenancy"), ("jobs", "0002_tenancy")]

    operations = [
        ReferencedBy("LegalEntity"),
        ReferencedBy("Client"),
        ReferencedBy("Engagement"),
        ReferencedBy("Engagement", via=["client_id"]),
        ReferencedBy("Matter"),
        ReferencedBy("Matter", via=["client_id"]),
        ReferencedBy("Workstream"),
        ReferencedBy("Workstream", via=["client_id", "matter_id"]),
        ReferencedBy("ImportBatch"),
        ReferencedBy("ImportBatch", via=["matter_id"]),
        ReferencedBy("WorkItem"),
        ReferencedBy("WorkItem", via=["client_id", "matter_id"]),
        ReferencedBy("Transition"),
        SecureTable("LegalEntity", root=True),
        SecureTable("Client", root=True, portal="true", client_column="id"),
        SecureTable("Engagement", portal=PUBLISHED_ENGAGEMENT),
        SecureTable("Contract"),
        SecureTable("Matter", matter_column="id", portal="published_at IS NOT NULL"),
        SecureTable("MatterInsider", grants=READ_WRITE_DELETE),
        SecureTable("Workstream", matter_column="matter_id"),
        SecureTable("StatusUpdate", grants=APPEND_ONLY, matter_column="matter_id", portal="true"),
        SecureTable("ImportMapping", root=True),
        SecureTable("ImportBatch", matter_column="matter_id"),
        SecureTable("ImportRow", grants=READ_WRITE_DELETE, matter_column="matter_id"),
        SecureTable("WorkItem", matter_column="matter_id"),
        SecureTable("Transition", grants=APPEND_ONLY, matter_column="matter_id"),
        SecureTable("Pause", matter_column="matter_id"),
        SecureTable("Assignment", grants=APPEND_ONLY, matter_column="matter_id"),
        RefuseChange("StatusUpdate"),
        RefuseChange("Transition"),
        RefuseChange("Assignment"),
        # Rooms below engagements know a client and a matter by number only; the keys live here.
        CompositeKey("accounts_membership", ["client_id"], "engagements_client"),
        CompositeKey("accounts_invitation", ["client_id"], "engagements_client"),
        CompositeKey("audit_document", ["client_id"], "engagements_client"),
        CompositeKey("audit_document", ["client_id", "matter_id"], "engagements_matter"),
        migrations.RunSQL(SEARCH, "DROP FUNCTION search_work_items(text, integer); DROP POLICY search ON engagements_workitem"),
    ]
