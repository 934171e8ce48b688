
import django.db.models.deletion
import django.utils.timezone
import lpo.tenancy.models
from django.db import migrations, models

from lpo.tenancy.operations import APPEND_ONLY, ReferencedBy, RefuseChange, SecureTable

# As long as a hold is in force, no row of its matter or client goes, not even by the owner's purge.
HOLDS = """
CREATE FUNCTION engagements_keep_under_hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT 1 FROM engagements_legalhold h WHERE h.organization_id = OLD.organization_id AND h.client_id = OLD.client_id
               AND h.released_at IS NULL AND (h.matter_id IS NULL OR h.matter_id = OLD.matter_id)) THEN
        RAISE EXCEPTION '% is under a legal hold', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE FUNCTION engagements_keep_held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT 1 FROM engagements_legalhold h WHERE h.organization_id = OLD.organization_id AND h.released_at IS NULL
               AND OLD.id = CASE TG_TABLE_NAME WHEN 'engagements_client' THEN h.client_id ELSE h.matter_id END) THEN
        RAISE EXCEPTION '% is under a legal hold', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
"""
BELOW = ("audit_document", "engagements_itemtag", "engagements_timeentry", "engagements_workitem")
ABOVE = ("engagements_client", "engagements_matter")
TRIGGERS = HOLDS + "".join(
    f"CREATE TRIGGER legal_hold BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}();"
    for tables, function in ((BELOW, "engagements_keep_under_hold"), (ABOVE, "engagements_keep_held"))
    for table in tables
)
NARROW = (
    "DO $$ DECLARE shown text; BEGIN"
    " SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO shown FROM pg_attribute"
    " WHERE attrelid = 'engagements_supervisionreport'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'published_by_label';"
    " REVOKE SELECT ON engagements_supervisionreport FROM lpo_portal;"
    " EXECUTE 'GRANT SELECT (' || shown || ') ON engagements_supervisionreport TO lpo_portal'; END $$"
)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('engagements', '0063_files_delivered_before'),
    ]

    operations = [
        migrations.AddField(
            model_name='question',
            name='escalation',
            field=models.BooleanField(default=False, help_text='Work stops, or a deadline is lost, until it is answered.'),
        ),
        migrations.CreateModel(
            name='SupervisionSample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('number', models.PositiveIntegerField()),
                ('from_at', models.DateTimeField()),
                ('to_at', models.DateTimeField()),
                ('population', models.PositiveIntegerField()),
                ('size', models.PositiveSmallIntegerField()),
                ('seed', models.CharField(max_length=32)),
                ('drawn_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('by_label', models.CharField(max_length=200)),
                ('matter', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.matter', via=['client_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('workstream', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.workstream', via=['client_id', 'matter_id'])),
            ], options={"constraints": [models.UniqueConstraint(fields=('organization', 'matter', 'number'), name='supervisionsample_number_once'), models.CheckConstraint(condition=models.Q(('to_at__gt', models.F('from_at'))), name='supervisionsample_span'), models.CheckConstraint(condition=models.Q(('size__gt', 0), ('size__lte', models.F('population'))), name='supervisionsample_size'),]},
        ),
        migrations.CreateModel(
            name='SampledItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('position', models.PositiveSmallIntegerField()),
                ('verdict', models.CharField(blank=True, choices=[('agreed', 'Agreed'), ('not_agreed', 'Not agreed')], max_length=10)),
                ('note', models.CharField(blank=True, max_length=500)),
                ('signed_at', models.DateTimeField(blank=True, null=True)),
                ('signed_by_label', models.CharField(blank=True, max_length=200)),
                ('item', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.workitem', via=['client_id', 'matter_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('signed_by', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership')),
                ('sample', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.supervisionsample', via=['client_id', 'matter_id'])),
            ], options={"constraints": [models.UniqueConstraint(fields=('organization', 'sample', 'position'), name='sampleditem_position_once'), models.UniqueConstraint(fields=('organization', 'sample', 'item'), name='sampleditem_once'), models.CheckConstraint(condition=models.Q(models.Q(('signed_at__isnull', True), ('signed_by__isnull', True), ('verdict', '')), models.Q(models.Q(('verdict', ''), _negated=True), ('signed_at__isnull', False), ('signed_by__isnull', False)), _connector='OR'), name='sampleditem_signed_at_by'), models.CheckConstraint(condition=models.Q(models.Q(('verdict', 'not_agreed'), _negated=True), models.Q(('note', ''), _negated=True), _connector='OR'), name='sampleditem_says_why_not'),]},
        ),
        migrations.CreateModel(
            name='SupervisionTerm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('name', models.CharField(max_length=200)),
                ('admission', models.CharField(blank=True, help_text='Jurisdiction and number.', max_length=200)),
                ('starts_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ends_at', models.DateTimeField(blank=True, null=True)),
                ('by_label', models.CharField(max_length=200)),
                ('matter', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.matter', via=['client_id'])),
                ('member', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ], options={"indexes": [models.Index(fields=['organization', 'matter', 'starts_at'], name='supervision_by_matter'),], "constraints": [models.UniqueConstraint(condition=models.Q(('ends_at__isnull', True)), fields=('organization', 'matter'), name='supervision_one_at_a_time'), models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('ends_at__gte', models.F('starts_at')), _connector='OR'), name='supervision_order'),]},
        ),
        migrations.CreateModel(
            name='LegalHold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('reason', models.CharField(max_length=500)),
                ('ordered_by', models.CharField(help_text="Who ordered it: a court, the client's counsel, our own.", max_length=200)),
                ('set_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('set_by_label', models.CharField(max_length=200)),
                ('released_at', models.DateTimeField(blank=True, null=True)),
                ('release_reason', models.CharField(blank=True, max_length=500)),
                ('release_ordered_by', models.CharField(blank=True, max_length=200)),
                ('released_by_label', models.CharField(blank=True, max_length=200)),
                ('client', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.client')),
                ('matter', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.matter', via=['client_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('released_at__isnull', True)), fields=['organization', 'client', 'matter'], name='hold_in_force')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'client', 'matter', 'number'), name='hold_number_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(models.Q(('release_ordered_by', ''), ('release_reason', ''), ('released_at__isnull', True), ('released_by_label', '')), models.Q(('released_at__isnull', False), models.Q(('release_reason', ''), _negated=True), models.Q(('release_ordered_by', ''), _negated=True), models.Q(('released_by_label', ''), _negated=True)), _connector='OR'), name='hold_released_with_reason')],
            },
        ),
        migrations.CreateModel(
            name='SupervisionReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('number', models.PositiveIntegerField()),
                ('snapshot', models.JSONField()),
                ('published_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('published_by_label', models.CharField(max_length=200)),
                ('matter', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.matter', via=['client_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', 'client_id', 'matter', '-id'], name='supervisionreport_recent')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'matter', 'number'), name='supervisionreport_number_once')],
            },
        ),
        
        
        
        
        
        
        
        
        
        
        ReferencedBy("SupervisionSample", via=["client_id", "matter_id"]),
        SecureTable("LegalHold", matter_column="matter_id"),
        SecureTable("SupervisionTerm", matter_column="matter_id"),
        SecureTable("SupervisionSample", grants=APPEND_ONLY, matter_column="matter_id"),
        SecureTable("SampledItem", matter_column="matter_id"),
        SecureTable("SupervisionReport", grants=APPEND_ONLY, matter_column="matter_id", portal="true"),
        migrations.RunSQL(NARROW, "GRANT SELECT ON engagements_supervisionreport TO lpo_portal"),
        RefuseChange("LegalHold", unless="TG_OP = 'UPDATE' AND OLD.released_at IS NULL", message="is released"),
        RefuseChange("SupervisionTerm", unless="TG_OP = 'UPDATE' AND OLD.ends_at IS NULL", message="has ended"),
        RefuseChange("SupervisionSample"),
        RefuseChange("SampledItem", unless="TG_OP = 'UPDATE' AND OLD.signed_at IS NULL", message="is signed"),
        RefuseChange("SupervisionReport"),
        migrations.RunSQL(TRIGGERS, "DROP FUNCTION engagements_keep_under_hold() CASCADE; DROP FUNCTION engagements_keep_held() CASCADE"),
    ]
