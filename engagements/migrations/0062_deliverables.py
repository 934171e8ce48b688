
import django.db.models.deletion
import django.utils.timezone
import lpo.tenancy.models
from django.db import migrations, models

from lpo.tenancy.operations import APPEND_ONLY, ReferencedBy, RefuseChange, SecureTable

# The client reads columns, not whole rows: who kept and published a version, and files that were not published, stay with the provider.
HIDDEN = ("document_id", "by_label", "published_by_label")
NARROW = (
    "DO $$ DECLARE shown text; BEGIN"
    " SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO shown FROM pg_attribute"
    " WHERE attrelid = 'engagements_deliverable'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> ALL (ARRAY%s);"
    " REVOKE SELECT ON engagements_deliverable FROM lpo_portal;"
    " EXECUTE 'GRANT SELECT (' || shown || ') ON engagements_deliverable TO lpo_portal'; END $$"
) % list(HIDDEN)
# What was kept and shown stays; publishing and the client's decision are added to it.
SAME = (
    "TG_OP = 'UPDATE' AND (NEW.item_id, NEW.number, NEW.label, NEW.document_id, NEW.sha256) ="
    " (OLD.item_id, OLD.number, OLD.label, OLD.document_id, OLD.sha256) AND (OLD.published_at IS NULL OR"
    " (NEW.published_at, NEW.published_file_id) = (OLD.published_at, OLD.published_file_id))"
)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('audit', '0003_search'),
        ('engagements', '0061_known_names'),
    ]

    operations = [
        migrations.CreateModel(
            name='ChecklistPoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('position', models.PositiveSmallIntegerField()),
                ('text', models.CharField(max_length=200)),
                ('required', models.BooleanField(default=True)),
                ('retired_at', models.DateTimeField(blank=True, null=True)),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('workstream', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.workstream', via=['client_id', 'matter_id'])),
            ], options={"constraints": [models.UniqueConstraint(condition=models.Q(('retired_at__isnull', True)), fields=('organization', 'workstream', 'text'), name='checklistpoint_once'),]},
        ),
        migrations.CreateModel(
            name='Deliverable',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('number', models.PositiveSmallIntegerField()),
                ('label', models.CharField(max_length=200)),
                ('reference', models.CharField(max_length=24)),
                ('file_name', models.CharField(max_length=200)),
                ('sha256', models.CharField(max_length=64)),
                ('size', models.BigIntegerField()),
                ('kept_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('by_label', models.CharField(max_length=200)),
                ('published_at', models.DateTimeField(blank=True, null=True)),
                ('published_by_label', models.CharField(blank=True, max_length=200)),
                ('decision', models.CharField(blank=True, choices=[('accepted', 'Accepted'), ('returned', 'Returned')], max_length=10)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('decided_source', models.CharField(blank=True, choices=[('attorney', 'Supervising attorney'), ('provider', 'Recorded by provider'), ('deemed', 'Deemed by silence'), ('automatic', 'Recorded by the system')], max_length=10)),
                ('decided_clause', models.CharField(blank=True, max_length=200)),
                ('document', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audit.document')),
                ('item', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.workitem', via=['client_id', 'matter_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('published_file', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audit.document')),
            ], options={"indexes": [models.Index(fields=['organization', 'matter_id', '-kept_at', '-id'], name='deliverable_by_matter'), models.Index(condition=models.Q(('published_at__isnull', False)), fields=['organization', 'client_id', '-published_at', '-id'], name='deliverable_published'),], "constraints": [models.UniqueConstraint(fields=('organization', 'item', 'number'), name='deliverable_number_once'), models.CheckConstraint(condition=models.Q(models.Q(('published_at__isnull', True), ('published_by_label', ''), ('published_file__isnull', True)), models.Q(('published_at__isnull', False), ('published_file__isnull', False), models.Q(('published_by_label', ''), _negated=True)), _connector='OR'), name='deliverable_published_at_by'), models.CheckConstraint(condition=models.Q(('decision', ''), ('decided_at__isnull', False), _connector='OR'), name='deliverable_decided_at'),]},
        ),
        migrations.CreateModel(
            name='DeliverableTick',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.BigIntegerField()),
                ('matter_id', models.BigIntegerField()),
                ('ticked', models.BooleanField(default=True)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('by_label', models.CharField(max_length=200)),
                ('by_member', lpo.tenancy.models.TenantForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.membership')),
                ('deliverable', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.deliverable', via=['client_id', 'matter_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('point', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.checklistpoint')),
            ], options={"indexes": [models.Index(fields=['organization', 'deliverable', 'id'], include=('matter_id',), name='tick_by_deliverable'),]},
        ),
        
        
        
        
        
        
        
        ReferencedBy("ChecklistPoint"),
        ReferencedBy("Deliverable", via=["client_id", "matter_id"]),
        SecureTable("ChecklistPoint", matter_column="matter_id"),
        SecureTable("Deliverable", matter_column="matter_id", portal="published_at IS NOT NULL"),
        SecureTable("DeliverableTick", grants=APPEND_ONLY, matter_column="matter_id"),
        migrations.RunSQL(NARROW, "GRANT SELECT ON engagements_deliverable TO lpo_portal"),
        RefuseChange("Deliverable", unless=SAME, message="keeps its file and label"),
        RefuseChange("DeliverableTick"),
    ]
