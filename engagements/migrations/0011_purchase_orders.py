import django.db.models.deletion
import django.utils.timezone
import lpo.tenancy.models
from django.db import migrations, models

from lpo.tenancy.operations import ReferencedBy, SecureTable

# Outside counsel is bound to what holds a matter it supervises, as in 0004.
COUNSEL = (
    "CREATE POLICY counsel ON engagements_purchaseorder AS RESTRICTIVE TO lpo_app USING ("
    "(SELECT NULLIF(current_setting('lpo.only_matters', true), '') IS NULL) OR EXISTS (SELECT 1 FROM engagements_matter m"
    " WHERE m.organization_id = engagements_purchaseorder.organization_id AND m.engagement_id = engagements_purchaseorder.engagement_id))"
)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('engagements', '0010_contract_in_full'),
    ]

    operations = [
        migrations.CreateModel(
            name='PurchaseOrder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('number', models.CharField(max_length=60)),
                ('amount', models.DecimalField(decimal_places=4, help_text='Before tax.', max_digits=16)),
                ('currency', models.CharField(max_length=3)),
                ('valid_from', models.DateField()),
                ('valid_to', models.DateField(blank=True, null=True)),
                ('note', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('version', models.PositiveIntegerField(default=1)),
                ('engagement', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.engagement', via=['client_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'engagement', 'number'), name='purchaseorder_number_once'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='purchaseorder_amount', violation_error_message='The amount is above zero.'), models.CheckConstraint(condition=models.Q(('valid_to__isnull', True), ('valid_to__gte', models.F('valid_from')), _connector='OR'), name='purchaseorder_dates', violation_error_message='The last day lies before the first.')],
            },
        ),
        ReferencedBy("PurchaseOrder", via=["client_id"]),
        SecureTable("PurchaseOrder"),
        migrations.RunSQL(COUNSEL, "DROP POLICY counsel ON engagements_purchaseorder"),
    ]
