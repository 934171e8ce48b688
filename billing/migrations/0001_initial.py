import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.utils.timezone
import lpo.tenancy.models
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('engagements', '0001_initial'),
        ('sla', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='BillingPeriod',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('index', models.PositiveIntegerField()),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField()),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('label', models.CharField(max_length=40)),
                ('engagement', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.engagement', via=['client_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'engagement', 'index'), name='billingperiod_once'), models.UniqueConstraint(fields=('organization', 'engagement', 'starts_at'), name='billingperiod_start_once'), models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='billingperiod_order')],
            },
        ),
        migrations.CreateModel(
            name='ChargeTerm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('name', models.CharField(max_length=120)),
                ('model', models.CharField(choices=[('fixed', 'Fixed'), ('unit', 'Per unit'), ('per_user', 'Per user')], max_length=10)),
                ('active', models.BooleanField(default=True)),
                ('position', models.PositiveSmallIntegerField(default=1)),
                ('version', models.PositiveIntegerField(default=1)),
                ('engagement', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.engagement', via=['client_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'engagement', 'name'), name='chargeterm_name_once')],
            },
        ),
        migrations.CreateModel(
            name='ChargeTermVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('number', models.PositiveSmallIntegerField()),
                ('effective_from', models.DateField()),
                ('effective_to', models.DateField(blank=True, null=True)),
                ('clause', models.CharField(blank=True, max_length=60)),
                ('shape', models.CharField(choices=[('standard', 'Standard'), ('graduated', 'Graduated'), ('volume', 'Volume'), ('package', 'Package')], default='standard', max_length=10)),
                ('price', models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True)),
                ('tiers', models.JSONField(blank=True, default=list)),
                ('package_size', models.DecimalField(blank=True, decimal_places=3, max_digits=14, null=True)),
                ('free_units', models.DecimalField(decimal_places=3, default=0, max_digits=14)),
                ('discount_percent', models.DecimalField(decimal_places=2, default=0, max_digits=5)),
                ('cap', models.DecimalField(blank=True, decimal_places=4, max_digits=16, null=True)),
                ('minimum', models.DecimalField(blank=True, decimal_places=4, max_digits=16, null=True)),
                ('unit', models.CharField(default='unit', max_length=30)),
                ('disposition', models.CharField(blank=True, max_length=16)),
                ('billable_state', models.CharField(choices=[('delivered', 'Delivered'), ('accepted', 'Accepted')], default='delivered', max_length=10)),
                ('recurring', models.BooleanField(default=True, help_text='Fixed: every period; otherwise once, in the period it starts.')),
                ('prorate', models.BooleanField(default=True)),
                ('credit_base', models.BooleanField(default=True, help_text="Whether the term's fees are the base of service credits.")),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('term', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.chargeterm', via=['client_id'])),
                ('workstream', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.workstream')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'term', 'number'), name='chargetermversion_once'), models.UniqueConstraint(fields=('organization', 'term', 'effective_from'), name='chargetermversion_date_once'), models.CheckConstraint(condition=models.Q(('price__isnull', False), ('shape__in', ['graduated', 'volume']), _connector='OR'), name='chargetermversion_priced'), models.CheckConstraint(condition=models.Q(models.Q(('package_size__gt', 0), ('shape', 'package')), models.Q(('shape', 'package'), _negated=True), _connector='OR'), name='chargetermversion_package')],
            },
        ),
        migrations.CreateModel(
            name='Invoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('in_review', 'In review'), ('approved', 'Approved'), ('issued', 'Issued'), ('discarded', 'Discarded')], default='draft', max_length=10)),
                ('currency', models.CharField(max_length=3)),
                ('net', models.DecimalField(decimal_places=4, default=0, max_digits=16)),
                ('tax', models.DecimalField(decimal_places=4, default=0, max_digits=16)),
                ('gross', models.DecimalField(decimal_places=4, default=0, max_digits=16)),
                ('number', models.CharField(blank=True, max_length=40)),
                ('issue_date', models.DateField(null=True)),
                ('due_date', models.DateField(null=True)),
                ('approved_at', models.DateTimeField(null=True)),
                ('issued_at', models.DateTimeField(null=True)),
                ('snapshot', models.TextField(blank=True)),
                ('snapshot_sha256', models.CharField(blank=True, max_length=64)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('computed_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('version', models.PositiveIntegerField(default=1)),
                ('approved_by', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership')),
                ('client', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.client')),
                ('engagement', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.engagement', via=['client_id'])),
                ('issued_by', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership')),
                ('legal_entity', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.legalentity')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('period', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.billingperiod', via=['client_id'])),
                ('prepared_by', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', '-id'], name='invoice_recent'), models.Index(fields=['organization', 'client', '-id'], name='invoice_by_client')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('number', ''), _negated=True), fields=('organization', 'number'), name='invoice_number_once'), models.UniqueConstraint(condition=models.Q(('state', 'discarded'), _negated=True), fields=('organization', 'period'), name='invoice_one_live_per_period'), models.CheckConstraint(condition=models.Q(models.Q(('due_date__isnull', False), ('issue_date__isnull', False), ('issued_at__isnull', False), ('state', 'issued'), models.Q(('number', ''), _negated=True), models.Q(('snapshot', ''), _negated=True)), models.Q(models.Q(('state', 'issued'), _negated=True), ('issued_at__isnull', True), ('number', '')), _connector='OR'), name='invoice_issued_is_complete'), models.CheckConstraint(condition=models.Q(('gross', django.db.models.expressions.CombinedExpression(models.F('net'), '+', models.F('tax')))), name='invoice_gross_is_net_plus_tax'), models.CheckConstraint(condition=models.Q(('prepared_by__isnull', True), ('approved_by__isnull', True), models.Q(('prepared_by', models.F('approved_by')), _negated=True), _connector='OR'), name='invoice_preparer_is_not_approver')],
            },
        ),
        migrations.CreateModel(
            name='InvoiceLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('position', models.PositiveIntegerField()),
                ('group', models.CharField(max_length=20)),
                ('matter_id', models.BigIntegerField(null=True)),
                ('description', models.CharField(max_length=300)),
                ('detail', models.CharField(blank=True, max_length=300)),
                ('quantity', models.DecimalField(decimal_places=4, max_digits=16)),
                ('unit', models.CharField(blank=True, max_length=30)),
                ('unit_price', models.DecimalField(decimal_places=8, max_digits=20)),
                ('amount', models.DecimalField(decimal_places=4, max_digits=16)),
                ('tax_category', models.CharField(max_length=2)),
                ('tax_rate', models.DecimalField(decimal_places=2, max_digits=5)),
                ('explanation', models.JSONField(default=dict)),
                ('claim', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.creditclaim')),
                ('invoice', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='billing.invoice', via=['client_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('term', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.chargeterm', via=['client_id'])),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'invoice', 'position'), name='invoiceline_position_once')],
            },
        ),
        migrations.CreateModel(
            name='NumberSeries',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('year', models.PositiveSmallIntegerField()),
                ('last_number', models.PositiveIntegerField(default=0)),
                ('legal_entity', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.legalentity')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'legal_entity', 'year'), name='numberseries_once')],
            },
        ),
        migrations.CreateModel(
            name='UsageRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('source', models.CharField(max_length=40)),
                ('event_id', models.CharField(max_length=120)),
                ('subject', models.CharField(help_text='The user, by an identifier that names nothing privileged.', max_length=200)),
                ('quantity', models.DecimalField(decimal_places=3, default=1, max_digits=14)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(blank=True, help_text='Last day, inclusive; empty while it lasts.', null=True)),
                ('payload_hash', models.CharField(max_length=64)),
                ('recorded_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('by_label', models.CharField(max_length=200)),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('term', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.chargeterm', via=['client_id'])),
            ],
            options={
                'indexes': [models.Index(fields=['organization', 'term', 'starts_on'], name='usagerecord_by_term')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'source', 'event_id'), name='usagerecord_event_once'), models.CheckConstraint(condition=models.Q(('ends_on__isnull', True), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='usagerecord_dates')],
            },
        ),
        migrations.CreateModel(
            name='Charge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField(null=True)),
                ('source_key', models.CharField(max_length=80)),
                ('reference', models.CharField(max_length=60)),
                ('happened_at', models.DateTimeField(null=True)),
                ('quantity', models.DecimalField(decimal_places=4, max_digits=16)),
                ('voided_at', models.DateTimeField(null=True)),
                ('claim', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.creditclaim')),
                ('item', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.workitem')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('term', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.chargeterm', via=['client_id'])),
                ('line', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='billing.invoiceline', via=['client_id'])),
                ('usage', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.usagerecord')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', 'line', 'id'], name='charge_by_line'), models.Index(fields=['organization', 'item'], name='charge_by_item')],
                'constraints': [models.UniqueConstraint(models.F('organization'), django.db.models.functions.comparison.Coalesce(models.F('term'), models.Value(0, output_field=models.BigIntegerField())), models.F('source_key'), condition=models.Q(('voided_at__isnull', True)), name='charge_once_while_live')],
            },
        ),
    ]
