
import django.db.models.deletion
import django.utils.timezone
import lpo.tenancy.models
from django.db import migrations, models

from lpo.tenancy.operations import APPEND_ONLY, READ_WRITE_DELETE, ReferencedBy, RefuseChange, SecureTable

# What a check found names other clients and their parties: outside counsel, who is bound to its own matters, reads none of it.
NOT_COUNSEL = "CREATE POLICY counsel ON {table} AS RESTRICTIVE TO lpo_app USING ((SELECT NULLIF(current_setting('lpo.only_matters', true), '') IS NULL))"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('audit', '0003_search'),
        ('engagements', '0051_placements_tenancy'),
    ]

    operations = [
        migrations.CreateModel(
            name='ConflictCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('occasion', models.CharField(choices=[('onboarding', 'Onboarding'), ('new_party', 'New party'), ('profile', 'Conflict of a member of staff'), ('mid_project', 'Found during the work')], default='onboarding', max_length=12)),
                ('names', models.JSONField()),
                ('known_before', models.PositiveIntegerField(default=0, help_text='Matches that an earlier check had found.')),
                ('note', models.CharField(blank=True, max_length=500)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('by_label', models.CharField(max_length=200)),
                ('by_member', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership')),
                ('client', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.client')),
                ('matter', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.matter', via=['client_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ], options={"indexes": [models.Index(fields=['organization', 'matter', '-id'], name='conflictcheck_by_matter'),], "constraints": [models.UniqueConstraint(fields=('organization', 'client', 'matter', 'number'), name='conflictcheck_number_once', nulls_distinct=False),]},
        ),
        migrations.CreateModel(
            name='ConflictMatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('position', models.PositiveIntegerField()),
                ('asked', models.CharField(max_length=200)),
                ('asked_as', models.CharField(max_length=60)),
                ('kind', models.CharField(choices=[('client', 'Client'), ('end_client', 'End client'), ('party', 'Party'), ('former_party', 'Former party'), ('staff', 'Conflict of a member of staff')], max_length=12)),
                ('strength', models.PositiveSmallIntegerField()),
                ('why', models.CharField(max_length=300)),
                ('identity', models.CharField(max_length=64)),
                ('check_run', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.conflictcheck', via=['client_id'])),
                ('matter', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.matter', via=['client_id'])),
                ('member', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ], options={"indexes": [models.Index(fields=['organization', 'matter', 'id'], name='conflictmatch_by_matter'),], "constraints": [models.UniqueConstraint(fields=('organization', 'client_id', 'matter', 'position'), name='conflictmatch_position_once', nulls_distinct=False), models.UniqueConstraint(fields=('organization', 'client_id', 'matter', 'identity'), name='conflictmatch_once', nulls_distinct=False),]},
        ),
        migrations.CreateModel(
            name='ConflictFinding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('place', models.CharField(max_length=300)),
                ('matter', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.matter')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('match', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.conflictmatch')),
            ], options={"constraints": [models.UniqueConstraint(fields=('organization', 'match'), name='conflictfinding_once'),]},
        ),
        migrations.CreateModel(
            name='ConflictOutcome',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('verdict', models.CharField(choices=[('none', 'No conflict'), ('waived', 'Waived with consent'), ('conflict', 'Conflict')], max_length=10)),
                ('note', models.CharField(max_length=500)),
                ('consented_by', models.CharField(blank=True, max_length=200)),
                ('consent_scope', models.CharField(blank=True, max_length=500)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('by_label', models.CharField(max_length=200)),
                ('by_member', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership')),
                ('match', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.conflictmatch', via=['client_id'])),
                ('matter', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.matter', via=['client_id'])),
                ('message', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audit.document')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ], options={"indexes": [models.Index(fields=['organization', 'match', '-id'], include=('matter',), name='conflictoutcome_by_match'),], "constraints": [models.CheckConstraint(condition=models.Q(models.Q(('verdict', 'waived'), _negated=True), models.Q(models.Q(('consented_by', ''), _negated=True), models.Q(('consent_scope', ''), _negated=True), ('message__isnull', False)), _connector='OR'), name='conflictoutcome_consent_kept', violation_error_message='A waiver names who consented and to what, with the message that says so.'), models.CheckConstraint(condition=models.Q(('note', ''), _negated=True), name='conflictoutcome_says_why'),]},
        ),
        migrations.CreateModel(
            name='ConflictRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('blocks', models.BooleanField(default=False, verbose_name='no work before the check is clear')),
                ('version', models.PositiveIntegerField(default=1)),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ], options={"constraints": [models.UniqueConstraint(fields=('organization',), name='conflictrule_once'),]},
        ),
        migrations.CreateModel(
            name='NameWord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('word', models.CharField(max_length=200)),
                ('kind', models.CharField(choices=[('client', 'Client'), ('end_client', 'End client'), ('party', 'Party'), ('former_party', 'Former party'), ('staff', 'Conflict of a member of staff')], max_length=12)),
                ('name', models.CharField(max_length=200)),
                ('client', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.client')),
                ('matter', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.matter')),
                ('member', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ], options={"indexes": [models.Index(fields=['organization', 'word'], include=('matter',), name='nameword_by_word'), models.Index(fields=['organization', 'client', 'kind'], name='nameword_by_client'), models.Index(fields=['organization', 'matter'], name='nameword_by_matter'), models.Index(condition=models.Q(('member__isnull', False)), fields=['organization', 'member'], name='nameword_by_member'),]},
        ),
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        ReferencedBy("ConflictCheck", via=["client_id"]),
        ReferencedBy("ConflictMatch"),
        ReferencedBy("ConflictMatch", via=["client_id"]),
        SecureTable("NameWord", grants=READ_WRITE_DELETE, matter_column="matter_id", root=True),
        SecureTable("ConflictCheck", grants=APPEND_ONLY, matter_column="matter_id"),
        # UPDATE lets a row be locked while it is decided; a trigger refuses any change.
        SecureTable("ConflictMatch", matter_column="matter_id"),
        SecureTable("ConflictFinding", grants=APPEND_ONLY, matter_column="matter_id"),
        SecureTable("ConflictOutcome", grants=APPEND_ONLY, matter_column="matter_id"),
        SecureTable("ConflictRule", root=True),
        RefuseChange("ConflictCheck"),
        RefuseChange("ConflictMatch"),
        RefuseChange("ConflictFinding"),
        RefuseChange("ConflictOutcome"),
        *(
            migrations.RunSQL(NOT_COUNSEL.format(table=table), f"DROP POLICY counsel ON {table}")
            for table in ("engagements_nameword", "engagements_conflictfinding")
        ),
    ]
