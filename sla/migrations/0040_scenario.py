import django.db.models.deletion
import django.utils.timezone
import lpo.tenancy.models
from django.db import migrations, models

from lpo.tenancy.operations import SecureTable


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('sla', '0025_held_clocks'),
    ]

    operations = [
        migrations.CreateModel(
            name='Scenario',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('name', models.CharField(max_length=120)),
                ('first_month', models.DateField()),
                ('last_month', models.DateField()),
                ('effective_from', models.DateField(help_text='Work received on or after this day falls under the proposal.')),
                ('proposal', models.JSONField(help_text='The other fields of the proposed version.')),
                ('result', models.JSONField(null=True)),
                ('computed_at', models.DateTimeField(null=True)),
                ('by_label', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('calendar_version', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.calendarversion')),
                ('level', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.servicelevel', via=['client_id', 'matter_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', 'level', '-id'], name='scenario_by_level')],
                'constraints': [models.CheckConstraint(condition=models.Q(('first_month__lte', models.F('last_month'))), name='scenario_months_in_order'), models.CheckConstraint(condition=models.Q(models.Q(('computed_at__isnull', True), ('result__isnull', True)), models.Q(('computed_at__isnull', False), ('result__isnull', False)), _connector='OR'), name='scenario_result_and_when')],
            },
        ),
        SecureTable("Scenario", matter_column="matter_id"),
    ]
