import django.db.models.deletion
from django.db import migrations, models

import lpo.tenancy.models
from lpo.tenancy.operations import CompositeKey

# A charge of an issued invoice stays as it was billed, but may be released when a later invoice corrects it.
RELEASABLE = """
CREATE OR REPLACE FUNCTION billing_charge_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF current_setting('lpo.purge', true) = 'on' AND pg_has_role(current_user, 'lpo_owner', 'USAGE') THEN
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END IF;
  IF TG_LEVEL = 'ROW' THEN
    IF TG_OP = 'UPDATE' AND OLD.voided_at IS NULL AND NEW.voided_at IS NOT NULL
       AND to_jsonb(NEW) - 'voided_at' = to_jsonb(OLD) - 'voided_at' THEN RETURN NEW; END IF;
    IF NOT EXISTS (SELECT 1 FROM billing_invoiceline l JOIN billing_invoice i
                   ON i.organization_id = l.organization_id AND i.id = l.invoice_id
                   WHERE l.organization_id = OLD.organization_id AND l.id = OLD.line_id AND i.state = 'issued') THEN
      IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END IF;
  END IF;
  RAISE EXCEPTION 'billing_charge belongs to an issued invoice' USING ERRCODE = 'restrict_violation'; END $$
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_tenancy")]

    operations = [
        migrations.AddField("invoiceline", "key", models.CharField(default="", max_length=80)),
        migrations.AddField(
            "invoiceline",
            "rated_period",
            lpo.tenancy.models.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billing.billingperiod",
                via=["client_id"],
            ),
        ),
        CompositeKey("billing_invoiceline", ["client_id", "rated_period_id"], "billing_billingperiod"),
        migrations.RunSQL(RELEASABLE, migrations.RunSQL.noop),
    ]
