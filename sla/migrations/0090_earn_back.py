import django.db.models.deletion
import lpo.tenancy.models
from django.db import migrations, models
from django.db.models import F, Q

from lpo.tenancy.operations import CompositeKey

KEY = {"db_constraint": False, "db_index": False, "null": True, "on_delete": django.db.models.deletion.PROTECT, "related_name": "+"}
STANDS = ~Q(state="withdrawn")


class Migration(migrations.Migration):
    dependencies = [("sla", "0080_incidents")]

    operations = [
        migrations.AddField(
            "servicelevelversion", "earn_back_percent", models.DecimalField(blank=True, decimal_places=4, max_digits=7, null=True)
        ),
        migrations.AddField("servicelevelversion", "earn_back_windows", models.PositiveSmallIntegerField(blank=True, null=True)),
        migrations.AddConstraint(
            "servicelevelversion",
            models.CheckConstraint(
                condition=Q(earn_back_percent__isnull=True, earn_back_windows__isnull=True)
                | Q(earn_back_percent__gt=0, earn_back_windows__gte=1, earn_back_windows__lte=12)
                & (Q(earn_back_percent__gt=F("expected_percent")) | Q(earn_back_percent__lt=F("max_error_percent"))),
                name="servicelevelversion_earn_back_beyond",
            ),
        ),
        migrations.AddField(
            "creditclaim",
            "earned_in",
            lpo.tenancy.models.TenantForeignKey(**KEY, to="sla.attainment", via=["client_id", "matter_id"]),
        ),
        migrations.RemoveConstraint("creditclaim", "creditclaim_once"),
        migrations.AddConstraint(
            "creditclaim",
            models.UniqueConstraint(
                fields=["organization", "attainment"], condition=STANDS & Q(earned_in__isnull=True), name="creditclaim_once"
            ),
        ),
        migrations.AddConstraint(
            "creditclaim",
            models.UniqueConstraint(
                fields=["organization", "attainment"], condition=STANDS & Q(earned_in__isnull=False), name="creditclaim_earned_back_once"
            ),
        ),
        migrations.AddConstraint(
            "creditclaim",
            models.CheckConstraint(
                condition=Q(earned_in__isnull=True) | Q(percent=0, replaces__isnull=False), name="creditclaim_earned_back_to_nothing"
            ),
        ),
        CompositeKey("sla_creditclaim", ["client_id", "matter_id", "earned_in_id"], "sla_attainment"),
    ]
