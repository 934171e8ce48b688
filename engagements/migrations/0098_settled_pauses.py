from django.db import migrations, models

WHAT = [
    ("accepted", "Accepted"),
    ("returned", "Returned"),
    ("contested", "Pause contested"),
    ("conceded", "Contest dropped"),
    ("agreed", "Pause accepted"),
    ("excl_no", "Exclusion contested"),
    ("excl_yes", "Exclusion accepted"),
    ("replied", "Replied"),
    ("severity", "Severity agreed"),
    ("answered", "Question answered"),
    ("sheet_yes", "Timesheet approved"),
    ("sheet_no", "Timesheet returned"),
]


class Migration(migrations.Migration):
    dependencies = [("engagements", "0090_week_capacity")]

    operations = [
        migrations.AddField("pause", "resolved_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("pause", "resolution", models.CharField(blank=True, db_default="", max_length=500)),
        migrations.AlterField("clientdecision", "what", models.CharField(choices=WHAT, max_length=12)),
        migrations.AddIndex(
            "pause",
            models.Index(
                condition=models.Q(("party__in", ["client", "third_party"])),
                fields=["organization", "recorded_at", "id"],
                include=["matter_id"],
                name="pause_recorded",
            ),
        ),
    ]
