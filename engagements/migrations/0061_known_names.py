"""The words of every name that is known already. The owner is bound by the policies too, so each organization is entered."""

from typing import Any

from django.db import migrations

from engagements.names import index_words


def _names(apps: Any, organization_id: int) -> Any:
    own = {"organization_id": organization_id}
    for client in apps.get_model("engagements", "Client")._base_manager.filter(**own):
        for name in {client.name, client.legal_name}:
            yield "client", name, {"client_id": client.pk}
    for matter in apps.get_model("engagements", "Matter")._base_manager.filter(**own).exclude(end_client=""):
        yield "end_client", matter.end_client, {"client_id": matter.client_id, "matter_id": matter.pk}
    for party in apps.get_model("engagements", "MatterParty")._base_manager.filter(**own):
        kind = "party" if party.removed_at is None else "former_party"
        yield kind, party.name, {"client_id": party.client_id, "matter_id": party.matter_id}
    for conflict in apps.get_model("engagements", "Conflict")._base_manager.filter(**own).select_related("client"):
        names = {conflict.client.name, conflict.client.legal_name} if conflict.client is not None else {conflict.party}
        for name in names:
            yield "staff", name, {"member_id": conflict.member_id}


def fill(apps: Any, schema_editor: Any) -> None:
    words = apps.get_model("engagements", "NameWord")
    for organization in apps.get_model("accounts", "Organization").objects.order_by("id"):
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lpo.organization_id', %s, true)", [str(organization.pk)])
        rows = [
            words(organization_id=organization.pk, word=word[:200], kind=kind, name=name[:200], **whose)
            for kind, name, whose in _names(apps, organization.pk)
            for word in sorted(index_words(name))
        ]
        words._base_manager.bulk_create(rows, batch_size=5_000)
        assert words._base_manager.filter(organization_id=organization.pk).count() == len(rows)


class Migration(migrations.Migration):
    dependencies = [("engagements", "0060_conflict_checks")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
