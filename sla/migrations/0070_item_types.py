from django.db import migrations, models


class Migration(migrations.Migration):
    """A version agreed before covers items of every type: it says so by naming none."""

    dependencies = [("sla", "0061_decided_clocks"), ("engagements", "0120_item_types")]

    operations = [
        migrations.AddField(
            "servicelevelversion",
            "item_types",
            models.JSONField(blank=True, db_default={}, default=dict, help_text="Only items of these types; empty for all."),
        ),
    ]
