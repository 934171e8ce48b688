import django.core.validators
import django.db.models.deletion
import lpo.tenancy.models
from django.db import migrations, models

from lpo.tenancy.operations import READ_WRITE_DELETE, CompositeKey, ReferencedBy, SecureTable

# Outside counsel is bound to what holds a matter it supervises, as in 0004.
COUNSEL = (
    "CREATE POLICY counsel ON engagements_contractclause AS RESTRICTIVE TO lpo_app USING ("
    "(SELECT NULLIF(current_setting('lpo.only_matters', true), '') IS NULL) OR EXISTS (SELECT 1 FROM engagements_matter m"
    " WHERE m.organization_id = engagements_contractclause.organization_id AND m.engagement_id = engagements_contractclause.engagement_id))"
)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('audit', '0003_search'),
        # What the client's role reads is narrowed to columns there; columns added from here on are refused to it until granted.
        ('billing', '0006_portal_columns'),
        ('engagements', '0004_outside_counsel'),
    ]

    operations = [
        migrations.CreateModel(
            name='ContractClause',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('engagement_id', models.BigIntegerField()),
                ('position', models.PositiveSmallIntegerField()),
                ('number', models.CharField(help_text='As it is cited: “Schedule B 2.1”.', max_length=60)),
                ('title', models.CharField(max_length=200)),
                ('text', models.TextField(blank=True, max_length=20000)),
            ],
        ),
        migrations.AddField(
            model_name='contract',
            name='baseline_amount',
            field=models.DecimalField(blank=True, decimal_places=4, max_digits=16, null=True, validators=[django.core.validators.MinValueValidator(0)]),
        ),
        migrations.AddField(
            model_name='contract',
            name='baseline_period',
            field=models.CharField(choices=[('month', 'Monthly'), ('quarter', 'Quarterly')], default='month', max_length=8),
        ),
        migrations.AddField(
            model_name='contract',
            name='baseline_unit',
            field=models.CharField(blank=True, help_text='As workstreams call it: document, NDA, page.', max_length=30),
        ),
        migrations.AddField(
            model_name='contract',
            name='baseline_volume',
            field=models.DecimalField(blank=True, decimal_places=3, max_digits=14, null=True, validators=[django.core.validators.MinValueValidator(0)]),
        ),
        migrations.AddField(
            model_name='contract',
            name='cap_period',
            field=models.CharField(choices=[('period', 'Each billing period'), ('quarter', 'Each quarter, to date'), ('year', 'Each calendar year, to date')], default='period', help_text='Over which time the share at risk is reckoned.', max_length=8),
        ),
        migrations.AddField(
            model_name='contract',
            name='credit_base',
            field=models.CharField(choices=[('fees', 'The fees of the terms marked for it'), ('baseline', 'The baseline amount')], default='fees', help_text='What credits are a share of.', max_length=8),
        ),
        migrations.AddField(
            model_name='contract',
            name='rework_terms',
            field=models.CharField(blank=True, help_text='Who bears rework, and until when, as in “free of charge within 30 days”.', max_length=300),
        ),
        migrations.AddField(
            model_name='contract',
            name='signed_file',
            field=lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audit.document'),
        ),
        migrations.AddField(
            model_name='contract',
            name='volume_ceiling',
            field=models.DecimalField(blank=True, decimal_places=3, help_text='The most the provider holds capacity for in the same time.', max_digits=14, null=True, validators=[django.core.validators.MinValueValidator(0)]),
        ),
        migrations.AlterField(
            model_name='contract',
            name='acceptance_days',
            field=models.PositiveSmallIntegerField(default=5, help_text='Business days after delivery in which work may be returned.'),
        ),
        migrations.AddConstraint(
            model_name='contract',
            constraint=models.CheckConstraint(condition=models.Q(('volume_ceiling__isnull', True), ('baseline_volume__isnull', True), ('volume_ceiling__gte', models.F('baseline_volume')), _connector='OR'), name='contract_ceiling_above_baseline', violation_error_message='The ceiling lies below the baseline.'),
        ),
        migrations.AddConstraint(
            model_name='contract',
            constraint=models.CheckConstraint(condition=models.Q(('baseline_volume__isnull', True), models.Q(('baseline_unit', ''), _negated=True), _connector='OR'), name='contract_baseline_has_unit', violation_error_message='Say what the baseline volume counts.'),
        ),
        migrations.AddConstraint(
            model_name='contract',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('credit_base', 'baseline'), _negated=True), ('baseline_amount__isnull', False), _connector='OR'), name='contract_credit_base_known', violation_error_message='Credits as a share of the baseline need its amount.'),
        ),
        migrations.AddField(
            model_name='contractclause',
            name='contract',
            field=lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.contract', via=['engagement_id']),
        ),
        migrations.AddField(
            model_name='contractclause',
            name='organization',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization'),
        ),
        migrations.AddConstraint(
            model_name='contractclause',
            constraint=models.UniqueConstraint(fields=('organization', 'contract', 'number'), name='clause_number_once'),
        ),
        migrations.AddConstraint(
            model_name='contractclause',
            constraint=models.UniqueConstraint(fields=('organization', 'contract', 'position'), name='clause_position_once'),
        ),
        CompositeKey("engagements_contract", ["signed_file_id"], "audit_document"),
        ReferencedBy("Contract", via=["engagement_id"]),
        SecureTable("ContractClause", grants=READ_WRITE_DELETE),
        migrations.RunSQL(COUNSEL, "DROP POLICY counsel ON engagements_contractclause"),
    ]
