import django.db.models.deletion
import lpo.tenancy.models
from django.db import migrations, models

from lpo.tenancy.operations import CompositeKey


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('billing', '0010_invoice_order'),
        ('engagements', '0051_placements_tenancy'),
        ('sla', '0020_exclusion_evidence'),
    ]

    operations = [
        migrations.AddField(
            model_name='charge',
            name='sheet_day',
            field=lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.timesheetday', via=['client_id']),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='charged_away',
            field=models.JSONField(blank=True, default=list, help_text='Kinds of absence charged as if worked.'),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='month_basis',
            field=models.CharField(choices=[('calendar', 'Calendar days'), ('working', 'Working days')], default='calendar', max_length=8),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='overlap_charged',
            field=models.BooleanField(default=False, help_text='Whether both people are charged while one hands over to the other.'),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='overtime',
            field=models.DecimalField(decimal_places=2, default=0, help_text="What an hour's price is multiplied by; 0: overtime is not charged.", max_digits=5),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='overtime_price',
            field=models.DecimalField(blank=True, decimal_places=8, max_digits=20, null=True),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='placement',
            field=lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.placement', via=['client_id']),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='rate_per',
            field=models.CharField(choices=[('month', 'Month'), ('day', 'Day worked'), ('hour', 'Hour worked')], default='month', max_length=5),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='staff_level',
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='unapproved',
            field=models.CharField(choices=[('block', 'Block the invoice'), ('warn', 'Warn')], default='block', help_text='What a missing approval does.', max_length=5),
        ),
        migrations.AlterField(
            model_name='chargeterm',
            name='model',
            field=models.CharField(choices=[('fixed', 'Fixed'), ('unit', 'Per unit'), ('per_user', 'Per user'), ('staff', 'Staff')], max_length=10),
        ),
        migrations.AddIndex(
            model_name='charge',
            index=models.Index(condition=models.Q(('sheet_day__isnull', False)), fields=['organization', 'sheet_day'], name='charge_by_sheet_day'),
        ),
        migrations.AddConstraint(
            model_name='charge',
            constraint=models.UniqueConstraint(condition=models.Q(('sheet_day__isnull', False), ('voided_at__isnull', True), models.Q(('source_key__startswith', 'return:'), _negated=True)), fields=('organization', 'source_key'), name='charge_day_once_while_live'),
        ),
        migrations.AddConstraint(
            model_name='chargetermversion',
            constraint=models.CheckConstraint(condition=models.Q(('overtime__gte', 0)), name='chargetermversion_overtime'),
        ),
        migrations.AddConstraint(
            model_name='chargetermversion',
            constraint=models.CheckConstraint(condition=models.Q(('placement__isnull', True), ('staff_level', ''), _connector='OR'), name='chargetermversion_one_or_a_level'),
        ),
        CompositeKey("billing_charge", ["client_id", "sheet_day_id"], "engagements_timesheetday"),
        CompositeKey("billing_chargetermversion", ["client_id", "placement_id"], "engagements_placement"),
    ]
