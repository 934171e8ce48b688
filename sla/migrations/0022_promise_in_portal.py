"""The client reads what a window was judged by: what was rolled up into it, on what its verdict rests, whether it is below the minimum."""

from django.db import migrations

COLUMNS = "carried_numerator, carried_denominator, basis, below_minimum"


class Migration(migrations.Migration):
    dependencies = [("sla", "0021_promise_in_full"), ("billing", "0006_portal_columns")]

    operations = [
        migrations.RunSQL(
            f"GRANT SELECT ({COLUMNS}) ON sla_attainment TO lpo_portal",
            f"REVOKE SELECT ({COLUMNS}) ON sla_attainment FROM lpo_portal",
        )
    ]
