import django.db.models.deletion
import lpo.tenancy.models
from django.db import migrations, models

from lpo.tenancy.operations import CompositeKey


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('billing', '0050_usage'),
        ('engagements', '0110_views_of_any_list'),
        ('sla', '0060_calendar_sites'),
    ]

    operations = [
        migrations.AddField(
            model_name='charge',
            name='time_entry',
            field=lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.timeentry', via=['client_id']),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='increment',
            field=models.CharField(choices=[('per_entry', 'Each entry'), ('on_total', 'The total'), ('exact', 'Nowhere')], default='per_entry', max_length=9),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='increment_minutes',
            field=models.DecimalField(decimal_places=2, default=6, max_digits=5),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='role',
            field=models.CharField(blank=True, choices=[('owner', 'Owner'), ('administrator', 'Administrator'), ('project_manager', 'Project manager'), ('coordinator', 'Coordinator'), ('reviewer', 'Reviewer'), ('billing', 'Billing'), ('attorney', 'Supervising attorney'), ('auditor', 'Auditor'), ('client_viewer', 'Client viewer')], max_length=20),
        ),
        migrations.AddField(
            model_name='chargetermversion',
            name='timekeeper',
            field=lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership'),
        ),
        migrations.AddField(
            model_name='invoiceline',
            name='activity_code',
            field=models.CharField(blank=True, max_length=4),
        ),
        migrations.AddField(
            model_name='invoiceline',
            name='expense_code',
            field=models.CharField(blank=True, max_length=4),
        ),
        migrations.AddField(
            model_name='invoiceline',
            name='task_code',
            field=models.CharField(blank=True, max_length=4),
        ),
        migrations.AlterField(
            model_name='chargeterm',
            name='model',
            field=models.CharField(choices=[('fixed', 'Fixed'), ('unit', 'Per unit'), ('per_user', 'Per user'), ('staff', 'Staff'), ('hourly', 'Hourly'), ('data_volume', 'Data volume'), ('outcome', 'Outcome'), ('expense', 'Expenses')], max_length=11),
        ),
        migrations.AddIndex(
            model_name='charge',
            index=models.Index(condition=models.Q(('time_entry__isnull', False)), fields=['organization', 'time_entry'], name='charge_by_time_entry'),
        ),
        migrations.AddConstraint(
            model_name='charge',
            constraint=models.UniqueConstraint(condition=models.Q(('time_entry__isnull', False), ('voided_at__isnull', True), models.Q(('source_key__startswith', 'return:'), _negated=True)), fields=('organization', 'source_key'), name='charge_time_once_while_live'),
        ),
        migrations.AddConstraint(
            model_name='chargetermversion',
            constraint=models.CheckConstraint(condition=models.Q(('increment_minutes__gt', 0)), name='chargetermversion_increment'),
        ),
        migrations.AddConstraint(
            model_name='chargetermversion',
            constraint=models.CheckConstraint(condition=models.Q(('timekeeper__isnull', True), ('role', ''), _connector='OR'), name='chargetermversion_one_or_a_role'),
        ),
        # The room above knows nothing of charges; the key they refer to is theirs to ask for.
        migrations.RunSQL(
            "ALTER TABLE engagements_timeentry ADD CONSTRAINT engagements_timeentry_client_id_key UNIQUE (organization_id, client_id, id)",
            "ALTER TABLE engagements_timeentry DROP CONSTRAINT engagements_timeentry_client_id_key",
        ),
        CompositeKey("billing_charge", ["client_id", "time_entry_id"], "engagements_timeentry"),
        CompositeKey("billing_chargetermversion", ["timekeeper_id"], "accounts_membership"),
    ]
