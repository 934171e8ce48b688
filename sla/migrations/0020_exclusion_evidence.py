import django.db.models.deletion
from django.db import migrations

import lpo.tenancy.models
from lpo.tenancy.operations import CompositeKey


class Migration(migrations.Migration):
    dependencies = [("sla", "0003_claims_in_portal"), ("audit", "0003_search")]

    operations = [
        migrations.AddField(
            model_name="exclusion",
            name="evidence",
            field=lpo.tenancy.models.TenantForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="audit.document",
            ),
        ),
        CompositeKey("sla_exclusion", ["evidence_id"], "audit_document"),
    ]
