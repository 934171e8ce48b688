from django.db import migrations

from lpo.tenancy.operations import ReferencedBy, SecureTable

# The sweeper sees that a job is due, of whatever organization, and nothing else of it: no BYPASSRLS, no payload.
DUE_JOBS = """
CREATE FUNCTION due_jobs(n integer) RETURNS TABLE (organization_id bigint, job_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT organization_id, id FROM jobs_job
    WHERE state IN ('queued', 'running') AND due_at <= now() AND (state = 'queued' OR lease_until < now())
    ORDER BY due_at, id LIMIT n
$$;
GRANT SELECT (organization_id, id, state, due_at, lease_until) ON jobs_job TO lpo_jobs;
CREATE POLICY due ON jobs_job FOR SELECT TO lpo_jobs USING (true);
REVOKE EXECUTE ON FUNCTION due_jobs(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION due_jobs(integer) TO lpo_app;
GRANT CREATE ON SCHEMA public TO lpo_jobs; -- only for the moment of taking ownership
ALTER FUNCTION due_jobs(integer) OWNER TO lpo_jobs;
REVOKE CREATE ON SCHEMA public FROM lpo_jobs;
GRANT SELECT, INSERT, DELETE ON jobs_beatslot TO lpo_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs_workerheartbeat TO lpo_app;
GRANT SELECT ON jobs_beatslot, jobs_workerheartbeat TO lpo_backup;
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial"), ("accounts", "0002_grants")]

    operations = [
        ReferencedBy("Job"),
        SecureTable("Job", root=True),
        migrations.RunSQL(DUE_JOBS, "DROP FUNCTION due_jobs(integer); DROP POLICY due ON jobs_job"),
    ]
