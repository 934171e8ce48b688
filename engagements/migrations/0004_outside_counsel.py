from django.db import migrations

# Outside counsel is bound to the matters it supervises; what lies above a matter has none, so it is bound to what holds one of
# those. The matters counted here are already read under the wall.
HOLDS_A_MATTER = (
    "CREATE POLICY counsel ON {table} AS RESTRICTIVE TO lpo_app USING ("
    "(SELECT NULLIF(current_setting('lpo.only_matters', true), '') IS NULL) OR EXISTS (SELECT 1 FROM engagements_matter m"
    " WHERE m.organization_id = {table}.organization_id AND m.{column} = {table}.{own}))"
)
TABLES = [
    ("engagements_client", "client_id", "id"),
    ("engagements_engagement", "engagement_id", "id"),
    ("engagements_contract", "engagement_id", "engagement_id"),
]


class Migration(migrations.Migration):
    dependencies = [("engagements", "0003_items_by_state")]

    operations = [
        migrations.RunSQL(HOLDS_A_MATTER.format(table=table, column=column, own=own), f"DROP POLICY counsel ON {table}")
        for table, column, own in TABLES
    ]
