from django.db import migrations

from lpo.tenancy.operations import APPEND_ONLY, ReferencedBy, RefuseChange, SecureTable

# Questions and answers are free text: found by a function, joined back under the reader's own policies.
SEARCH = """
CREATE INDEX question_text ON engagements_question USING gin (to_tsvector('simple', question || ' ' || answer));
GRANT SELECT (id, organization_id, question, answer) ON engagements_question TO lpo_search;
CREATE POLICY search ON engagements_question FOR SELECT TO lpo_search USING (true);
CREATE FUNCTION search_questions(words text, n integer) RETURNS TABLE (question_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT id FROM engagements_question
    WHERE organization_id = NULLIF(current_setting('lpo.organization_id', true), '')::bigint
      AND to_tsvector('simple', question || ' ' || answer) @@ to_tsquery('simple', words)
    ORDER BY id DESC LIMIT n
$$;
REVOKE EXECUTE ON FUNCTION search_questions(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_questions(text, integer) TO lpo_app;
GRANT CREATE ON SCHEMA public TO lpo_search; -- only for the moment of taking ownership
ALTER FUNCTION search_questions(text, integer) OWNER TO lpo_search;
REVOKE CREATE ON SCHEMA public FROM lpo_search;
"""


class Migration(migrations.Migration):
    dependencies = [("engagements", "0020_decisions"), ("audit", "0002_tenancy"), ("accounts", "0002_grants")]

    operations = [
        ReferencedBy("Pause"),
        ReferencedBy("ClientDecision"),
        SecureTable("ClientDecision", grants=APPEND_ONLY, matter_column="matter_id"),
        SecureTable("DeliveryNotice", matter_column="matter_id"),
        SecureTable("LateEntry", matter_column="matter_id"),
        SecureTable("ErrorNotice", grants=APPEND_ONLY, matter_column="matter_id"),
        SecureTable("Question", matter_column="matter_id"),
        RefuseChange("ClientDecision"),
        # The job that counts the silence marks a notice once; all else stays as it was written.
        RefuseChange("DeliveryNotice", unless="TG_OP = 'UPDATE' AND NOT OLD.settled", message="is settled"),
        RefuseChange("LateEntry", unless="TG_OP = 'UPDATE' AND OLD.state = 'waiting'", message="is decided"),
        RefuseChange("ErrorNotice"),
        RefuseChange("Question", unless="TG_OP = 'UPDATE' AND (OLD.answered_at IS NULL OR OLD.protocol = '')", message="is answered"),
        migrations.RunSQL(SEARCH, "DROP FUNCTION search_questions(text, integer); DROP POLICY search ON engagements_question"),
    ]
