import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import lpo.tenancy.models
from lpo.tenancy.operations import SecureTable, add_composite_key

# An item's type is one of its own workstream's; the same key proves client and matter.
ITEM = next(
    iter(
        add_composite_key(
            "engagements_workitem",
            "engagements_workitem_type_tenant_fk",
            ["organization_id", "client_id", "matter_id", "workstream_id", "type"],
            "engagements_itemtype",
            ["organization_id", "client_id", "matter_id", "workstream_id", "code"],
        )
    )
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_grants"), ("engagements", "0110_views_of_any_list")]

    operations = [
        migrations.CreateModel(
            name="ItemType",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("client_id", models.BigIntegerField()),
                ("matter_id", models.BigIntegerField()),
                (
                    "code",
                    models.CharField(
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                r"^[a-z0-9][a-z0-9_-]{0,19}\Z",
                                "Use 1 to 20 lower-case letters, digits, hyphens and underscores, beginning with a letter or digit.",
                            )
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                (
                    "workstream",
                    lpo.tenancy.models.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="engagements.workstream",
                        via=["client_id", "matter_id"],
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "client_id", "matter_id", "workstream", "code"), name="itemtype_code_once"
                    ),
                    models.UniqueConstraint(fields=("organization", "workstream", "name"), name="itemtype_name_once"),
                ]
            },
        ),
        SecureTable("ItemType", matter_column="matter_id"),
        migrations.AddField("workitem", "type", models.CharField(blank=True, max_length=20, null=True)),
        migrations.RunSQL(ITEM, "ALTER TABLE engagements_workitem DROP CONSTRAINT engagements_workitem_type_tenant_fk"),
        migrations.AlterField(
            "bulkaction",
            "kind",
            models.CharField(
                choices=[
                    ("assign", "Assign"),
                    ("move", "Move"),
                    ("hold", "Put on hold"),
                    ("resume", "Resume"),
                    ("priority", "Set the priority"),
                    ("type", "Set the type"),
                    ("undo", "Undo"),
                ],
                max_length=8,
            ),
        ),
    ]
