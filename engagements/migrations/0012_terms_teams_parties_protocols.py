import django.db.models.deletion
import django.utils.timezone
import lpo.tenancy.models
from django.db import migrations, models

from lpo.tenancy.operations import APPEND_ONLY, RefuseChange, SecureTable

# Outside counsel is bound to what holds a matter it supervises, as in 0004.
COUNSEL = (
    "CREATE POLICY counsel ON {table} AS RESTRICTIVE TO lpo_app USING ("
    "(SELECT NULLIF(current_setting('lpo.only_matters', true), '') IS NULL) OR EXISTS (SELECT 1 FROM engagements_matter m"
    " WHERE m.organization_id = {table}.organization_id AND m.engagement_id = {table}.engagement_id))"
)
# A person has one part in an engagement at a time. Without btree_gist a number is compared as a range of itself.
ONE_PART = (
    "ALTER TABLE engagements_teammember ADD CONSTRAINT teammember_one_part_at_a_time EXCLUDE USING gist ("
    "int8range(organization_id, organization_id, '[]') WITH &&, int8range(engagement_id, engagement_id, '[]') WITH &&,"
    " int8range(member_id, member_id, '[]') WITH &&, daterange(starts_on, ends_on, '[]') WITH &&)"
)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('audit', '0003_search'),
        ('engagements', '0011_purchase_orders'),
    ]

    operations = [
        migrations.CreateModel(
            name='EndedTerm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('number', models.PositiveSmallIntegerField()),
                ('delivery_model', models.CharField(choices=[('managed', 'Managed service'), ('augmentation', 'Staff augmentation'), ('pilot', 'Pilot')], max_length=20)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField()),
                ('ended_by', models.CharField(choices=[('converted', 'Converted'), ('renewed', 'Renewed')], max_length=10)),
                ('by_label', models.CharField(max_length=200)),
                ('recorded_at', models.DateTimeField(default=django.utils.timezone.now)),
            ], options={"constraints": [models.CheckConstraint(condition=models.Q(('ends_on__gte', models.F('starts_on'))), name='endedterm_dates'),]},
        ),
        migrations.CreateModel(
            name='MatterParty',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('name', models.CharField(max_length=200)),
                ('name_key', models.CharField(max_length=200)),
                ('added_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('removed_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='ProtocolVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('number', models.PositiveSmallIntegerField()),
                ('title', models.CharField(max_length=200)),
                ('text', models.TextField(blank=True, max_length=100000)),
                ('effective_from', models.DateField()),
                ('written_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('written_by_label', models.CharField(max_length=200)),
                ('signed_at', models.DateTimeField(blank=True, null=True)),
                ('signed_by_label', models.CharField(blank=True, max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name='TeamMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('role', models.CharField(choices=[('manager', 'Project manager'), ('lead', 'Team lead'), ('reviewer', 'Reviewer'), ('quality', 'Quality control'), ('coordinator', 'Coordinator'), ('attorney', 'Supervising attorney'), ('billing', 'Billing')], default='reviewer', max_length=12)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(blank=True, null=True)),
            ], options={"constraints": [models.CheckConstraint(condition=models.Q(('ends_on__isnull', True), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='teammember_dates', violation_error_message='The last day lies before the first.'),]},
        ),
        migrations.AddField(
            model_name='engagement',
            name='notice_days',
            field=models.PositiveSmallIntegerField(default=0, help_text='Days before the end by which notice is given.'),
        ),
        migrations.AddField(
            model_name='engagement',
            name='notice_given_on',
            field=models.DateField(blank=True, help_text='Notice keeps it from renewing by itself.', null=True),
        ),
        migrations.AddField(
            model_name='engagement',
            name='renewal',
            field=models.CharField(choices=[('none', 'Ends with its term'), ('agreed', 'Renewed by agreement'), ('auto', 'Renews by itself')], default='none', max_length=8),
        ),
        migrations.AddField(
            model_name='engagement',
            name='renewal_months',
            field=models.PositiveSmallIntegerField(default=12, help_text='How long each renewal runs.'),
        ),
        migrations.AddField(
            model_name='matter',
            name='bill_to',
            field=models.TextField(blank=True, help_text="Name and address, where it is not the client's billing address.", max_length=1000),
        ),
        migrations.AddField(
            model_name='matter',
            name='end_client',
            field=models.CharField(blank=True, help_text='For whom the client acts, where it is not the client itself.', max_length=200),
        ),
        migrations.AddField(
            model_name='matter',
            name='own_matter_id',
            field=models.CharField(blank=True, help_text='In our other systems; the reference here is given by itself.', max_length=60, verbose_name='our matter ID'),
        ),
        migrations.AddIndex(
            model_name='engagement',
            index=models.Index(condition=models.Q(('status', 'open')), fields=['organization', 'ends_on'], name='engagement_ending'),
        ),
        migrations.AddIndex(
            model_name='matter',
            index=models.Index(fields=['organization', 'own_matter_id'], name='matter_by_own_id'),
        ),
        migrations.AddIndex(
            model_name='workitem',
            index=models.Index(condition=models.Q(('first_delivered_at__isnull', False), ('kind', 'work')), fields=['organization', 'workstream', 'first_delivered_at'], include=('matter_id', 'quantity'), name='workitem_delivered'),
        ),
        migrations.AddConstraint(
            model_name='engagement',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('renewal', 'auto'), _negated=True), models.Q(('ends_on__isnull', False), ('renewal_months__gt', 0)), _connector='OR'), name='engagement_renews_from_an_end', violation_error_message='What renews by itself has a last day, and renews for a month or more.'),
        ),
        migrations.AddField(
            model_name='endedterm',
            name='engagement',
            field=lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.engagement', via=['client_id']),
        ),
        migrations.AddField(
            model_name='endedterm',
            name='organization',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='matterparty',
            name='matter',
            field=lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.matter', via=['client_id']),
        ),
        migrations.AddField(
            model_name='matterparty',
            name='organization',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='protocolversion',
            name='document',
            field=lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audit.document'),
        ),
        migrations.AddField(
            model_name='protocolversion',
            name='organization',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='protocolversion',
            name='signed_by',
            field=lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership'),
        ),
        migrations.AddField(
            model_name='protocolversion',
            name='workstream',
            field=lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.workstream', via=['client_id', 'matter_id']),
        ),
        migrations.AddField(
            model_name='teammember',
            name='engagement',
            field=lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.engagement', via=['client_id']),
        ),
        migrations.AddField(
            model_name='teammember',
            name='member',
            field=lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership'),
        ),
        migrations.AddField(
            model_name='teammember',
            name='organization',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization'),
        ),
        migrations.AddConstraint(
            model_name='endedterm',
            constraint=models.UniqueConstraint(fields=('organization', 'engagement', 'number'), name='endedterm_number_once'),
        ),
        
        migrations.AddIndex(
            model_name='matterparty',
            index=models.Index(fields=['organization', 'name_key'], include=('matter',), name='party_by_name'),
        ),
        migrations.AddConstraint(
            model_name='matterparty',
            constraint=models.UniqueConstraint(condition=models.Q(('removed_at__isnull', True)), fields=('organization', 'matter', 'name_key'), name='party_once_while_named'),
        ),
        migrations.AddConstraint(
            model_name='protocolversion',
            constraint=models.UniqueConstraint(fields=('organization', 'workstream', 'number'), name='protocol_number_once'),
        ),
        migrations.AddConstraint(
            model_name='protocolversion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('text', ''), _negated=True), ('document__isnull', False), _connector='OR'), name='protocol_says_something', violation_error_message='Write the protocol or attach its file.'),
        ),
        migrations.AddConstraint(
            model_name='protocolversion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('signed_at__isnull', True), ('signed_by__isnull', True), ('signed_by_label', '')), models.Q(('signed_at__isnull', False), ('signed_by__isnull', False), models.Q(('signed_by_label', ''), _negated=True)), _connector='OR'), name='protocol_signed_at_by'),
        ),
        migrations.AddIndex(
            model_name='teammember',
            index=models.Index(fields=['organization', 'engagement', 'starts_on'], name='teammember_by_engagement'),
        ),
        
        SecureTable("EndedTerm", grants=APPEND_ONLY),
        SecureTable("TeamMember"),
        SecureTable("MatterParty", matter_column="matter_id"),
        SecureTable("ProtocolVersion", matter_column="matter_id"),
        RefuseChange("EndedTerm"),
        RefuseChange("ProtocolVersion", unless="OLD.signed_at IS NULL", message="is signed; write the next version"),
        migrations.RunSQL(ONE_PART, "ALTER TABLE engagements_teammember DROP CONSTRAINT teammember_one_part_at_a_time"),
        *(
            migrations.RunSQL(COUNSEL.format(table=table), f"DROP POLICY counsel ON {table}")
            for table in ("engagements_endedterm", "engagements_teammember")
        ),
    ]
