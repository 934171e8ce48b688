from django.db import migrations

from lpo.tenancy.operations import APPEND_ONLY, ReferencedBy, RefuseChange, SecureTable


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial"), ("accounts", "0002_grants")]

    operations = [
        ReferencedBy("Event"),
        ReferencedBy("Document"),
        SecureTable("Event", grants=APPEND_ONLY, matter_column="matter_id", root=True),
        SecureTable("Seal", grants=APPEND_ONLY),
        SecureTable("Document", grants=APPEND_ONLY, matter_column="matter_id", portal="published", root=True),
        RefuseChange("Event"),
        RefuseChange("Seal"),
        RefuseChange("Document"),
    ]
