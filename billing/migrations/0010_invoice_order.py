import django.db.models.deletion
import lpo.tenancy.models
from django.db import migrations, models

from lpo.tenancy.operations import CompositeKey


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('billing', '0006_portal_columns'),
        ('engagements', '0011_purchase_orders'),
    ]

    operations = [
        migrations.AddField(
            model_name='invoice',
            name='purchase_order',
            field=lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.purchaseorder', via=['client_id']),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(fields=['organization', 'purchase_order'], name='invoice_by_order'),
        ),
        CompositeKey("billing_invoice", ["client_id", "purchase_order_id"], "engagements_purchaseorder"),
    ]
