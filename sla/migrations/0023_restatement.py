import django.db.models.deletion
import lpo.tenancy.models
from django.db import migrations, models

from lpo.tenancy.operations import CompositeKey, ReferencedBy


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_grants'),
        ('sla', '0022_promise_in_portal'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='creditclaim',
            name='creditclaim_percent_positive',
        ),
        migrations.AddField(
            model_name='creditclaim',
            name='replaces',
            field=lpo.tenancy.models.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sla.creditclaim', via=['client_id', 'matter_id']),
        ),
        migrations.AddConstraint(
            model_name='creditclaim',
            constraint=models.CheckConstraint(condition=models.Q(('percent__gt', 0), models.Q(('percent', 0), ('replaces__isnull', False)), _connector='OR'), name='creditclaim_percent_positive'),
        ),
        ReferencedBy("CreditClaim", via=["client_id", "matter_id"]),
        CompositeKey("sla_creditclaim", ["client_id", "matter_id", "replaces_id"], "sla_creditclaim"),
    ]
