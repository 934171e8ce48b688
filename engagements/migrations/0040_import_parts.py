import django.db.models.deletion
import lpo.tenancy.models
from django.db import migrations, models

from lpo.tenancy.operations import READ_WRITE_DELETE, RefuseChange, SecureTable


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('engagements', '0032_notes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='importbatch',
            name='purpose',
            field=models.CharField(choices=[('items', 'Work items'), ('history', 'History of an event log'), ('load_file', 'E-discovery load file')], max_length=10),
        ),
        migrations.AlterField(
            model_name='importmapping',
            name='purpose',
            field=models.CharField(choices=[('items', 'Work items'), ('history', 'History of an event log'), ('load_file', 'E-discovery load file')], max_length=10),
        ),
        migrations.CreateModel(
            name='ImportChunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('matter_id', models.BigIntegerField()),
                ('number', models.PositiveIntegerField()),
                ('content', models.BinaryField()),
                ('batch', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='engagements.importbatch', via=['matter_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'batch', 'number'), name='importchunk_once')],
            },
        ),
        migrations.CreateModel(
            name='ImportPart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('matter_id', models.BigIntegerField()),
                ('number', models.PositiveIntegerField()),
                ('rows', models.PositiveIntegerField()),
                ('content', models.BinaryField()),
                ('batch', lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='engagements.importbatch', via=['matter_id'])),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'batch', 'number'), name='importpart_once')],
            },
        ),
        SecureTable("ImportPart", grants=("SELECT", "INSERT"), matter_column="matter_id"),
        SecureTable("ImportChunk", grants=READ_WRITE_DELETE, matter_column="matter_id"),
        RefuseChange("ImportPart"),
        # Compressed already.
        migrations.RunSQL(
            "ALTER TABLE engagements_importpart ALTER content SET STORAGE EXTERNAL;"
            " ALTER TABLE engagements_importchunk ALTER content SET STORAGE EXTERNAL;",
            migrations.RunSQL.noop,
        ),
    ]
