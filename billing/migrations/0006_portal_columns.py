"""The client's role reads columns, not whole tables: names of staff, walls and counts of unpublished work stay with the provider.

A column added later is refused to it until a migration grants it.
"""

from django.db import migrations

HIDDEN = {
    "engagements_client": ("engagement_count", "matter_count"),
    "engagements_engagement": ("manager_id",),
    "engagements_matter": ("supervising_attorney_id", "walled"),
    "engagements_statusupdate": ("published_by_label",),
    "sla_attainment": ("closed_by_label",),
    "billing_invoice": ("prepared_by_id", "approved_by_id", "approved_at", "issued_by_id"),
    "audit_document": ("created_by_label",),
}


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
        ("billing", "0005_unit_plural"),
        ("sla", "0003_claims_in_portal"),
        ("engagements", "0004_outside_counsel"),
        ("audit", "0003_search"),
    ]

    operations = [narrow(table, hidden) for table, hidden in HIDDEN.items()]
