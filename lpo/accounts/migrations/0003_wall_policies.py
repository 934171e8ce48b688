"""Walls as `VISIBLE_MATTER` has them now, on the tables that were put behind them before."""

from django.db import migrations

from lpo.tenancy.operations import VISIBLE_MATTER

# The column is the first word of the policy as it stood.
_REWRITE = f"""
DO $do$
DECLARE wall record;
BEGIN
    FOR wall IN
        SELECT schemaname, tablename, substring(qual FROM '^\\(\\(([a-z_]+) IS NULL\\)') AS of_column FROM pg_policies
        WHERE policyname = 'wall' AND qual NOT LIKE '%CASE%'
    LOOP
        EXECUTE format('ALTER POLICY wall ON %I.%I USING (' || replace($wall${VISIBLE_MATTER.format(column="{column}")}$wall$,
            '{{column}}', quote_ident(wall.of_column)) || ')', wall.schemaname, wall.tablename);
    END LOOP;
END $do$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_grants")]

    operations = [migrations.RunSQL(_REWRITE, migrations.RunSQL.noop)]
