import django.db.models.deletion
import lpo.tenancy.models
from django.db import migrations, models

from lpo.tenancy.operations import CompositeKey


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('audit', '0003_search'),
        ('billing', '0040_item_types'),
        ('engagements', '0110_views_of_any_list'),
    ]

    operations = [
        migrations.AddField(
            model_name='chargetermversion',
            name='direction',
            field=models.CharField(blank=True, choices=[('in', 'In'), ('out', 'Out'), ('hosted', 'Hosted')], max_length=6),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='event_cap',
            field=models.DecimalField(blank=True, decimal_places=4, max_digits=16, null=True),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='markup_percent',
            field=models.DecimalField(decimal_places=2, default=0, help_text='Expenses: what is added to their cost.', max_digits=6),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='measure',
            field=models.CharField(choices=[('sum', 'Sum'), ('average', 'Average'), ('peak', 'Peak'), ('last', 'Month-end')], default='sum', max_length=7),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='percent',
            field=models.DecimalField(decimal_places=4, default=0, max_digits=7),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='amount',
            field=models.DecimalField(blank=True, decimal_places=4, max_digits=16, null=True),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='approved_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='approved_by',
            field=lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='by_member',
            field=lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='code',
            field=models.CharField(blank=True, max_length=4),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='currency',
            field=models.CharField(blank=True, max_length=3),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='direction',
            field=models.CharField(blank=True, choices=[('in', 'In'), ('out', 'Out'), ('hosted', 'Hosted')], max_length=6),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='receipt',
            field=lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audit.document'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='unit',
            field=models.CharField(blank=True, max_length=3),
        ),
        migrations.AlterField(
            model_name='chargeterm',
            name='model',
            field=models.CharField(choices=[('fixed', 'Fixed'), ('unit', 'Per unit'), ('per_user', 'Per user'), ('staff', 'Staff'), ('data_volume', 'Data volume'), ('outcome', 'Outcome'), ('expense', 'Expenses')], max_length=11),
        ),
        migrations.AlterField(
            model_name='usagerecord',
            name='quantity',
            field=models.DecimalField(decimal_places=6, default=1, max_digits=18),
        ),
        migrations.AlterField(
            model_name='usagerecord',
            name='subject',
            field=models.CharField(help_text='The user or what it was for, in words that name nothing privileged.', max_length=200),
        ),
        migrations.AddConstraint(
            model_name='chargetermversion',
            constraint=models.CheckConstraint(condition=models.Q(('markup_percent__gte', 0), ('percent__gte', 0), ('percent__lte', 100)), name='chargetermversion_shares'),
        ),
        migrations.AddConstraint(
            model_name='usagerecord',
            constraint=models.CheckConstraint(condition=models.Q(('amount__isnull', True), models.Q(('currency', ''), _negated=True), _connector='OR'), name='usagerecord_amount_in_a_currency'),
        ),
        migrations.AddConstraint(
            model_name='usagerecord',
            constraint=models.UniqueConstraint(condition=models.Q(('direction', 'hosted'), ('withdrawn_at__isnull', True)), fields=('organization', 'term', 'starts_on', 'subject'), name='usagerecord_hosted_once_a_day'),
        ),
        migrations.AddConstraint(
            model_name='usagerecord',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('approved_at__isnull', True), ('approved_by__isnull', True)), models.Q(('approved_at__isnull', False), ('approved_by__isnull', False)), _connector='OR'), name='usagerecord_approved_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='usagerecord',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), ('by_member__isnull', True), models.Q(('approved_by', models.F('by_member')), _negated=True), _connector='OR'), name='usagerecord_not_approved_by_oneself'),
        ),
        CompositeKey("billing_usagerecord", ["receipt_id"], "audit_document"),
        CompositeKey("billing_usagerecord", ["by_member_id"], "accounts_membership"),
        CompositeKey("billing_usagerecord", ["approved_by_id"], "accounts_membership"),
    ]
