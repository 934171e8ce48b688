"""Matters that have a supervising attorney already: supervised by that person since the matter was opened, as far as is known."""

from typing import Any

from django.db import migrations


def fill(apps: Any, schema_editor: Any) -> None:
    matters = apps.get_model("engagements", "Matter")._base_manager
    people = apps.get_model("accounts", "Membership").objects.select_related("user")
    terms = apps.get_model("engagements", "SupervisionTerm")
    for organization in apps.get_model("accounts", "Organization").objects.order_by("id"):
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lpo.organization_id', %s, true)", [str(organization.pk)])
        rows = []
        for matter in matters.filter(organization_id=organization.pk, supervising_attorney__isnull=False):
            member = people.get(pk=matter.supervising_attorney_id)
            own = {"organization_id": organization.pk, "client_id": matter.client_id, "matter_id": matter.pk, "member_id": member.pk}
            name = member.user.name or member.user.email
            rows.append(terms(**own, name=name, starts_at=matter.created_at, by_label="As on record before"))
        terms._base_manager.bulk_create(rows, batch_size=5_000)
        assert terms._base_manager.filter(organization_id=organization.pk).count() == len(rows)


class Migration(migrations.Migration):
    dependencies = [("engagements", "0064_holds_and_supervision"), ("accounts", "0002_grants")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
