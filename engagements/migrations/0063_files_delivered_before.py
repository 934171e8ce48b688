"""Files delivered before versions were rows of their own: the nth of an item becomes its version n."""

from typing import Any

from django.db import migrations


def fill(apps: Any, schema_editor: Any) -> None:
    documents = apps.get_model("audit", "Document")._base_manager
    items = apps.get_model("engagements", "WorkItem")._base_manager
    deliverables = apps.get_model("engagements", "Deliverable")
    for organization in apps.get_model("accounts", "Organization").objects.order_by("id"):
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lpo.organization_id', %s, true)", [str(organization.pk)])
        kept = documents.filter(organization_id=organization.pk, kind="deliverable", published=False).defer("content").order_by("id")
        by_reference = {document.reference: [] for document in kept}
        for document in kept:
            by_reference[document.reference].append(document)
        rows = []
        for item in items.filter(organization_id=organization.pk, reference__in=list(by_reference)):
            for number, document in enumerate(by_reference[item.reference], 1):
                row = deliverables(organization_id=organization.pk, client_id=item.client_id, matter_id=item.matter_id, item_id=item.pk)
                row.number, row.label, row.document_id, row.reference = number, document.file_name, document.pk, item.reference
                row.file_name, row.sha256, row.size = document.file_name, document.sha256, document.size
                row.kept_at, row.by_label = document.created_at, document.created_by_label
                rows.append(row)
        deliverables._base_manager.bulk_create(rows, batch_size=5_000)
        assert deliverables._base_manager.filter(organization_id=organization.pk).count() == len(rows)


class Migration(migrations.Migration):
    dependencies = [("engagements", "0062_deliverables"), ("audit", "0003_search")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
