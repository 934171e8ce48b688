from django.db import migrations

from lpo.tenancy.operations import APPEND_ONLY, READ_WRITE_DELETE, ReferencedBy, RefuseChange, SecureTable

ISSUED_LINE = (
    "EXISTS (SELECT 1 FROM billing_invoice i WHERE i.organization_id = billing_invoiceline.organization_id"
    " AND i.id = billing_invoiceline.invoice_id AND i.state = 'issued')"
)
ISSUED_CHARGE = (
    "EXISTS (SELECT 1 FROM billing_invoiceline l WHERE l.organization_id = billing_charge.organization_id"
    " AND l.id = billing_charge.line_id)"
)
LINE_NOT_ISSUED = (
    "NOT EXISTS (SELECT 1 FROM billing_invoice i WHERE i.organization_id = OLD.organization_id"
    " AND i.id = OLD.invoice_id AND i.state = 'issued')"
)
CHARGE_NOT_ISSUED = (
    "NOT EXISTS (SELECT 1 FROM billing_invoiceline l JOIN billing_invoice i"
    " ON i.organization_id = l.organization_id AND i.id = l.invoice_id"
    " WHERE l.organization_id = OLD.organization_id AND l.id = OLD.line_id AND i.state = 'issued')"
)


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial"), ("sla", "0002_tenancy")]

    operations = [
        ReferencedBy("ChargeTerm", via=["client_id"]),
        ReferencedBy("UsageRecord"),
        ReferencedBy("BillingPeriod", via=["client_id"]),
        ReferencedBy("Invoice", via=["client_id"]),
        ReferencedBy("InvoiceLine", via=["client_id"]),
        SecureTable("ChargeTerm"),
        SecureTable("ChargeTermVersion", grants=APPEND_ONLY),
        SecureTable("UsageRecord"),
        SecureTable("BillingPeriod", grants=APPEND_ONLY),
        SecureTable("NumberSeries"),
        SecureTable("Invoice", portal="state = 'issued'"),
        SecureTable("InvoiceLine", grants=READ_WRITE_DELETE, portal=ISSUED_LINE, matter_column="matter_id"),
        SecureTable("Charge", grants=READ_WRITE_DELETE, portal=ISSUED_CHARGE, matter_column="matter_id"),
        RefuseChange("ChargeTermVersion", message="is frozen; add a version"),
        RefuseChange("Invoice", unless="OLD.state <> 'issued'", message="is issued; correct it with a credit note"),
        RefuseChange("InvoiceLine", unless=LINE_NOT_ISSUED, message="belongs to an issued invoice"),
        RefuseChange("Charge", unless=CHARGE_NOT_ISSUED, message="belongs to an issued invoice"),
    ]
