from django.db import migrations, models

TEXT = {"blank": True, "default": "", "max_length": 500}


class Migration(migrations.Migration):
    """An exclusion made before had no contest-by date: it says so by having none."""

    dependencies = [("sla", "0031_samples_tenancy"), ("engagements", "0098_settled_pauses")]

    operations = [
        migrations.AddField("exclusion", "contest_by", models.DateField(blank=True, null=True)),
        migrations.AddField("exclusion", "contested_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("exclusion", "contest_note", models.CharField(**TEXT), preserve_default=False),
        migrations.AddField("exclusion", "resolved_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("exclusion", "resolution", models.CharField(**TEXT), preserve_default=False),
        migrations.AddIndex(
            "exclusion", models.Index(fields=["organization", "at", "id"], include=["matter_id"], name="exclusion_recent")
        ),
    ]
