import django.db.models.deletion
import django.utils.timezone
import lpo.tenancy.models
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('engagements', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Attainment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('window_start', models.DateTimeField()),
                ('window_end', models.DateTimeField()),
                ('label', models.CharField(max_length=40)),
                ('revision', models.PositiveSmallIntegerField(default=1)),
                ('state', models.CharField(choices=[('open', 'Open'), ('closed', 'Closed')], default='open', max_length=8)),
                ('numerator', models.BigIntegerField(default=0)),
                ('denominator', models.BigIntegerField(default=0)),
                ('pending', models.BigIntegerField(default=0)),
                ('excluded', models.BigIntegerField(default=0)),
                ('met', models.BooleanField(null=True)),
                ('median_seconds', models.BigIntegerField(null=True)),
                ('p90_seconds', models.BigIntegerField(null=True)),
                ('computed_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('snapshot', models.JSONField(null=True)),
                ('snapshot_sha256', models.CharField(blank=True, max_length=64)),
                ('closed_at', models.DateTimeField(null=True)),
                ('closed_by_label', models.CharField(blank=True, max_length=200)),
                ('published_at', models.DateTimeField(null=True)),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ], options={"indexes": [models.Index(fields=['organization', 'client_id', '-window_start'], name='attainment_recent'),], "constraints": [models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('state', 'open')), models.Q(('closed_at__isnull', False), ('snapshot__isnull', False), ('state', 'closed')), _connector='OR'), name='attainment_closed_has_snapshot'), models.CheckConstraint(condition=models.Q(('numerator__lte', models.F('denominator'))), name='attainment_fraction'), models.CheckConstraint(condition=models.Q(models.Q(('denominator', 0), ('met__isnull', True)), models.Q(('denominator__gt', 0), ('met__isnull', False)), _connector='OR'), name='attainment_measured_iff_counted'),]},
        ),
        migrations.CreateModel(
            name='Calendar',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('version', models.PositiveIntegerField(default=1)),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='calendar_name_once')],
            },
        ),
        migrations.CreateModel(
            name='CalendarVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('time_zone', models.CharField(max_length=64)),
                ('weekly', models.JSONField()),
                ('holidays', models.JSONField(default=list)),
                ('exceptions', models.JSONField(default=dict)),
                ('holiday_source', models.CharField(blank=True, max_length=60)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('calendar', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.calendar')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'calendar', 'number'), name='calendarversion_once')],
            },
        ),
        migrations.CreateModel(
            name='QualityCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('checked_at', models.DateTimeField()),
                ('units', models.PositiveIntegerField(help_text='Documents, fields or clauses looked at.')),
                ('errors', models.PositiveIntegerField(default=0)),
                ('note', models.CharField(blank=True, max_length=500)),
                ('by_label', models.CharField(max_length=200)),
                ('recorded_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('by_member', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership')),
                ('item', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.workitem', via=['client_id', 'matter_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', 'item', 'checked_at'], name='qualitycheck_by_item')],
                'constraints': [models.CheckConstraint(condition=models.Q(('errors__lte', models.F('units')), ('units__gt', 0)), name='qualitycheck_counts')],
            },
        ),
        migrations.CreateModel(
            name='ServiceLevel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('kind', models.CharField(choices=[('turnaround', 'Turnaround'), ('response', 'Response'), ('error_resolution', 'Error resolution'), ('accuracy', 'Accuracy')], max_length=20)),
                ('name', models.CharField(max_length=120)),
                ('active', models.BooleanField(default=True)),
                ('version', models.PositiveIntegerField(default=1)),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('workstream', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.workstream', via=['client_id', 'matter_id'])),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'workstream', 'name'), name='servicelevel_name_once')],
            },
        ),
        migrations.CreateModel(
            name='Exclusion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('reason', models.CharField(max_length=300)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('by_label', models.CharField(max_length=200)),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('item', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.workitem', via=['client_id', 'matter_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('level', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.servicelevel', via=['client_id', 'matter_id'])),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('withdrawn_at__isnull', True)), fields=('organization', 'level', 'item'), name='exclusion_one_live')],
            },
        ),
        migrations.CreateModel(
            name='DirtyWindow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('window_start', models.DateTimeField()),
                ('since', models.DateTimeField(default=django.utils.timezone.now)),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('level', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sla.servicelevel', via=['client_id', 'matter_id'])),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'level', 'window_start'), name='dirtywindow_once')],
            },
        ),
        migrations.CreateModel(
            name='CreditClaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('percent', models.DecimalField(decimal_places=4, max_digits=7)),
                ('state', models.CharField(choices=[('provisional', 'Provisional'), ('final', 'Final'), ('withdrawn', 'Withdrawn')], default='provisional', max_length=12)),
                ('formula', models.TextField()),
                ('inputs', models.JSONField()),
                ('contestable_until', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('final_at', models.DateTimeField(null=True)),
                ('attainment', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.attainment', via=['client_id', 'matter_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('level', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.servicelevel', via=['client_id', 'matter_id'])),
            ],
            options={
                'indexes': [models.Index(fields=['organization', 'client_id', 'state'], name='creditclaim_by_state')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'attainment'), name='creditclaim_once'), models.CheckConstraint(condition=models.Q(('percent__gt', 0)), name='creditclaim_percent_positive')],
            },
        ),
        migrations.AddField(
            model_name='attainment',
            name='level',
            field=lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.servicelevel', via=['client_id', 'matter_id']),
        ),
        migrations.CreateModel(
            name='ServiceLevelVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('number', models.PositiveSmallIntegerField()),
                ('effective_from', models.DateField()),
                ('clause', models.CharField(blank=True, help_text="The contract's clause, as in “Schedule B 2.1”.", max_length=60)),
                ('item_kind', models.CharField(choices=[('work', 'Work'), ('enquiry', 'Enquiry'), ('error', 'Error')], default='work', max_length=8)),
                ('priority', models.CharField(blank=True, help_text='Only items of this priority; empty for all.', max_length=20)),
                ('severity', models.CharField(blank=True, help_text='Only errors of this severity; empty for all.', max_length=10)),
                ('unit', models.CharField(choices=[('elapsed', 'Elapsed time'), ('business', 'Business hours'), ('business_days', 'Business days')], default='elapsed', max_length=14)),
                ('target', models.PositiveIntegerField(blank=True, null=True)),
                ('stop_state', models.CharField(choices=[('received', 'Received'), ('assigned', 'Assigned'), ('in_review', 'In review'), ('quality_check', 'Quality check'), ('delivered', 'Delivered'), ('accepted', 'Accepted'), ('returned', 'Returned'), ('cancelled', 'Cancelled'), ('acknowledged', 'Acknowledged'), ('answered', 'Answered'), ('notified', 'Notified'), ('corrected', 'Corrected')], default='delivered', max_length=16)),
                ('decides', models.CharField(choices=[('first', 'First delivery'), ('last', 'Last delivery')], default='first', max_length=5)),
                ('pausing_parties', models.JSONField(default=list, help_text="Whose pauses stop the clock; the client's by default.")),
                ('expected_percent', models.DecimalField(blank=True, decimal_places=4, max_digits=7, null=True)),
                ('max_error_percent', models.DecimalField(blank=True, decimal_places=4, max_digits=7, null=True)),
                ('error_unit', models.CharField(blank=True, help_text='Document, field or clause.', max_length=20)),
                ('window', models.CharField(choices=[('month', 'Month'), ('quarter', 'Quarter')], default='month', max_length=8)),
                ('time_zone', models.CharField(help_text="The contract's zone: where windows begin and end.", max_length=64)),
                ('credit_percent', models.DecimalField(decimal_places=4, default=0, max_digits=7)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('calendar_version', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.calendarversion')),
                ('level', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.servicelevel', via=['client_id', 'matter_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'level', 'number'), name='servicelevelversion_once'), models.UniqueConstraint(fields=('organization', 'level', 'effective_from'), name='servicelevelversion_date_once'), models.CheckConstraint(condition=models.Q(models.Q(('expected_percent__isnull', False), ('max_error_percent__isnull', True), ('target__isnull', False)), models.Q(('expected_percent__isnull', True), ('max_error_percent__isnull', False), ('target__isnull', True)), _connector='OR'), name='servicelevelversion_clock_or_accuracy'), models.CheckConstraint(condition=models.Q(('unit', 'elapsed'), ('calendar_version__isnull', False), ('target__isnull', True), _connector='OR'), name='servicelevelversion_business_needs_calendar')],
            },
        ),
        migrations.CreateModel(
            name='Clock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('cycle', models.PositiveSmallIntegerField(default=1)),
                ('started_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('stopped_at', models.DateTimeField(null=True)),
                ('held_since', models.DateTimeField(null=True)),
                ('cancelled', models.BooleanField(default=False)),
                ('excluded', models.BooleanField(default=False)),
                ('target_seconds', models.BigIntegerField()),
                ('used_seconds', models.BigIntegerField(default=0)),
                ('paused_seconds', models.BigIntegerField(default=0)),
                ('late_seconds', models.BigIntegerField(null=True)),
                ('window_start', models.DateTimeField()),
                ('computed_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('item', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.workitem', via=['client_id', 'matter_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('level', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.servicelevel', via=['client_id', 'matter_id'])),
                ('level_version', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.servicelevelversion')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', 'level', 'window_start'], include=('stopped_at', 'due_at', 'held_since', 'excluded', 'cancelled', 'used_seconds'), name='clock_window'), models.Index(condition=models.Q(('cancelled', False), ('stopped_at__isnull', True)), fields=['organization', 'due_at', 'id'], include=('matter_id',), name='clock_open')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'item', 'level', 'cycle'), name='clock_once'), models.CheckConstraint(condition=models.Q(('stopped_at__isnull', True), ('stopped_at__gte', models.F('started_at')), _connector='OR'), name='clock_order')],
            },
        ),
        migrations.AddField(
            model_name='attainment',
            name='level_version',
            field=lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.servicelevelversion'),
        ),
        migrations.CreateModel(
            name='AttainmentRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('item_reference', models.CharField(max_length=24)),
                ('external_id', models.CharField(blank=True, max_length=120)),
                ('outcome', models.CharField(choices=[('met', 'Met'), ('missed', 'Missed'), ('pending', 'Pending'), ('excluded', 'Excluded'), ('checked', 'Checked')], max_length=9)),
                ('started_at', models.DateTimeField(null=True)),
                ('due_at', models.DateTimeField(null=True)),
                ('stopped_at', models.DateTimeField(null=True)),
                ('used_seconds', models.BigIntegerField(null=True)),
                ('paused_seconds', models.BigIntegerField(null=True)),
                ('late_seconds', models.BigIntegerField(null=True)),
                ('units', models.BigIntegerField(null=True)),
                ('errors', models.BigIntegerField(null=True)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('attainment', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.attainment', via=['client_id', 'matter_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', 'attainment', 'outcome', 'id'], name='attainmentrow_by_outcome')],
            },
        ),
        
        migrations.AddConstraint(
            model_name='attainment',
            constraint=models.UniqueConstraint(fields=('organization', 'level', 'window_start', 'revision'), name='attainment_once'),
        ),
        
        
        
    ]
