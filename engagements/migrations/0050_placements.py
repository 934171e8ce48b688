import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
import lpo.tenancy.models
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('engagements', '0040_import_parts'),
    ]

    operations = [
        migrations.AddField(
            model_name='contract',
            name='turnaround_credits',
            field=models.BooleanField(default=False, help_text='Counts for staff augmentation only: elsewhere the service level decides.', verbose_name='turnaround credits agreed'),
        ),
        migrations.AlterField(
            model_name='clientdecision',
            name='what',
            field=models.CharField(choices=[('accepted', 'Accepted'), ('returned', 'Returned'), ('contested', 'Pause contested'), ('conceded', 'Contest dropped'), ('replied', 'Replied'), ('severity', 'Severity agreed'), ('answered', 'Question answered'), ('sheet_yes', 'Timesheet approved'), ('sheet_no', 'Timesheet returned')], max_length=12),
        ),
        migrations.CreateModel(
            name='Placement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('number', models.PositiveSmallIntegerField()),
                ('name', models.CharField(max_length=120)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(blank=True, null=True)),
                ('cycle', models.CharField(choices=[('month', 'Each calendar month'), ('week', 'Each week, Monday to Sunday')], default='month', max_length=5)),
                ('notice_given_on', models.DateField(blank=True, null=True)),
                ('ended_reason', models.CharField(blank=True, max_length=300)),
                ('published_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('version', models.PositiveIntegerField(default=1)),
                ('matter', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.matter', via=['client_id'])),
                ('member', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('replaces', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.placement', via=['client_id', 'matter_id'])),
                ('workstream', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.workstream', via=['client_id', 'matter_id'])),
            ], options={"indexes": [models.Index(fields=['organization', 'matter', 'starts_on'], name='placement_by_matter'),], "constraints": [models.UniqueConstraint(fields=('organization', 'matter', 'number'), name='placement_number_once'), models.UniqueConstraint(fields=('organization', 'replaces'), name='placement_replaced_once'), models.CheckConstraint(condition=models.Q(('ends_on__isnull', True), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='placement_dates', violation_error_message='The last day lies before the first.'), models.CheckConstraint(condition=models.Q(('replaces__isnull', True), models.Q(('replaces', models.F('id')), _negated=True), _connector='OR'), name='placement_replaces_another'),]},
        ),
        migrations.CreateModel(
            name='PlacementAbsence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField()),
                ('kind', models.CharField(choices=[('leave', 'Leave'), ('sickness', 'Sickness'), ('holiday', 'Public holiday'), ('training', 'Training'), ('other', 'Other')], default='leave', max_length=10)),
                ('note', models.CharField(blank=True, max_length=200)),
                ('recorded_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('by_label', models.CharField(max_length=200)),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('withdrawn_by_label', models.CharField(blank=True, max_length=200)),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('placement', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.placement', via=['client_id', 'matter_id'])),
            ], options={"indexes": [models.Index(fields=['organization', 'placement', 'starts_on'], include=('matter_id',), name='placementabsence_by_placement'),], "constraints": [models.CheckConstraint(condition=models.Q(('ends_on__gte', models.F('starts_on'))), name='placementabsence_dates', violation_error_message='The last day lies before the first.'),]},
        ),
        migrations.CreateModel(
            name='PlacementTerms',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('number', models.PositiveSmallIntegerField()),
                ('effective_from', models.DateField()),
                ('role', models.CharField(help_text='As the contract calls it: Paralegal, Contract attorney.', max_length=60)),
                ('level', models.CharField(blank=True, help_text='As the rates tell it apart: Senior, Associate.', max_length=40)),
                ('supervisor', models.CharField(help_text='Who directs the work and signs timesheets.', max_length=120, verbose_name='supervisor at the client')),
                ('location', models.CharField(blank=True, help_text='Where the work is done.', max_length=80)),
                ('hours_per_week', models.DecimalField(decimal_places=2, max_digits=5, validators=[django.core.validators.MinValueValidator(Decimal('0.25')), django.core.validators.MaxValueValidator(Decimal('168'))], verbose_name='hours a week')),
                ('weekdays', models.CharField(default='12345', max_length=7, validators=[django.core.validators.RegexValidator('^1?2?3?4?5?6?7?$', 'Weekdays in order.')])),
                ('recorded_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('by_label', models.CharField(max_length=200)),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('placement', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.placement', via=['client_id', 'matter_id'])),
            ], options={"constraints": [models.UniqueConstraint(fields=('organization', 'placement', 'number'), name='placementterms_once'), models.UniqueConstraint(fields=('organization', 'placement', 'effective_from'), name='placementterms_date_once'), models.CheckConstraint(condition=models.Q(('hours_per_week__gt', 0), ('hours_per_week__lte', 168)), name='placementterms_hours'), models.CheckConstraint(condition=models.Q(('weekdays__regex', '^1?2?3?4?5?6?7?$'), models.Q(('weekdays', ''), _negated=True)), name='placementterms_weekdays'),]},
        ),
        migrations.CreateModel(
            name='Timesheet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('period_start', models.DateField()),
                ('label', models.CharField(max_length=40)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField()),
                ('number', models.PositiveSmallIntegerField(default=1)),
                ('weekdays', models.CharField(max_length=7)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('submitted', 'Submitted'), ('approved', 'Approved by the client'), ('returned', 'Returned by the client'), ('withdrawn', 'Taken back'), ('superseded', 'Corrected since')], default='draft', max_length=10)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('submitted_at', models.DateTimeField(blank=True, null=True)),
                ('submitted_by_label', models.CharField(blank=True, max_length=200)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('source', models.CharField(blank=True, max_length=10)),
                ('published_at', models.DateTimeField(blank=True, null=True)),
                ('version', models.PositiveIntegerField(default=1)),
                ('decision', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.clientdecision')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('placement', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.placement', via=['client_id', 'matter_id'])),
            ], options={"indexes": [models.Index(fields=['organization', 'placement', '-period_start', '-number'], include=('matter_id',), name='timesheet_recent'),], "constraints": [models.UniqueConstraint(fields=('organization', 'placement', 'period_start', 'number'), name='timesheet_version_once'), models.UniqueConstraint(condition=models.Q(('state__in', ['draft', 'submitted'])), fields=('organization', 'placement', 'period_start'), name='timesheet_one_in_hand'), models.CheckConstraint(condition=models.Q(('ends_on__gte', models.F('starts_on')), ('starts_on__gte', models.F('period_start'))), name='timesheet_dates'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['approved', 'superseded']), _negated=True), models.Q(('decided_at__isnull', False), ('decision__isnull', False), ('submitted_at__isnull', False), models.Q(('source', ''), _negated=True)), _connector='OR'), name='timesheet_approved_with_its_source'), models.CheckConstraint(condition=models.Q(('published_at__isnull', True), ('state__in', ['approved', 'superseded']), _connector='OR'), name='timesheet_published_once_approved'),]},
        ),
        migrations.CreateModel(
            name='TimesheetDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('day', models.DateField()),
                ('hours', models.DecimalField(decimal_places=2, default=0, max_digits=4)),
                ('contracted', models.DecimalField(decimal_places=2, default=0, max_digits=4)),
                ('day_hours', models.DecimalField(decimal_places=2, max_digits=4)),
                ('week_hours', models.DecimalField(decimal_places=2, max_digits=5)),
                ('away', models.CharField(blank=True, choices=[('leave', 'Leave'), ('sickness', 'Sickness'), ('holiday', 'Public holiday'), ('training', 'Training'), ('other', 'Other')], max_length=10)),
                ('away_hours', models.DecimalField(decimal_places=2, default=0, max_digits=4)),
                ('handover', models.BooleanField(default=False, help_text='The person replaced is still there.')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('timesheet', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.timesheet', via=['client_id', 'matter_id'])),
            ], options={"constraints": [models.UniqueConstraint(fields=('organization', 'timesheet', 'day'), name='timesheetday_once'), models.CheckConstraint(condition=models.Q(('away_hours__gte', 0), ('contracted__gte', 0), ('day_hours__gt', 0), ('hours__gte', 0), ('week_hours__gte', 0), ('hours__lte', django.db.models.expressions.CombinedExpression(models.Value(24), '-', models.F('away_hours')))), name='timesheetday_hours', violation_error_message='A day has 24 hours.'), models.CheckConstraint(condition=models.Q(models.Q(('away', ''), _negated=True), ('away_hours', 0), _connector='OR'), name='timesheetday_away_is_named'),]},
        ),
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
    ]
