"""A client reads the credit claims of its published windows: a credit line on an invoice opens into the window it stands for."""

from django.db import migrations

from lpo.tenancy.operations import OWN_CLIENT

# Inside the sub-select the portal's own policy on attainments applies: own client, published.
PUBLISHED_WINDOW = (
    "EXISTS (SELECT 1 FROM sla_attainment a WHERE a.organization_id = sla_creditclaim.organization_id"
    " AND a.id = sla_creditclaim.attainment_id)"
)
FORWARDS = f"""
CREATE POLICY portal_client ON sla_creditclaim AS RESTRICTIVE TO lpo_portal
    USING ({OWN_CLIENT.format(column="client_id")} AND {PUBLISHED_WINDOW});
GRANT SELECT ON sla_creditclaim TO lpo_portal;
"""
BACKWARDS = """
REVOKE SELECT ON sla_creditclaim FROM lpo_portal;
DROP POLICY portal_client ON sla_creditclaim;
"""


class Migration(migrations.Migration):
    dependencies = [("sla", "0002_tenancy")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
