from django.db import migrations, models

CHOICES = [("choice", "One credit, the client's choice"), ("larger", "One credit, the larger"), ("each", "A credit of each level")]
TEXT = "Where several levels missed the same work in one invoice period."
DAYS = "Business days of silence after which the larger credit stands; 0: it waits for the client's word."
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
    ("credit", "Credit chosen"),
    ("sheet_yes", "Timesheet approved"),
    ("sheet_no", "Timesheet returned"),
]


class Migration(migrations.Migration):
    """Contracts written before paid a credit of each level and go on doing so; one written from now on begins with one credit."""

    dependencies = [("engagements", "0120_item_types")]

    operations = [
        migrations.AddField(
            "contract", "incident_credits", models.CharField(choices=CHOICES, default="each", help_text=TEXT, max_length=6)
        ),
        migrations.AlterField(
            "contract", "incident_credits", models.CharField(choices=CHOICES, default="choice", help_text=TEXT, max_length=6)
        ),
        migrations.AddField("contract", "choice_days", models.PositiveSmallIntegerField(default=10, help_text=DAYS)),
        migrations.AlterField("clientdecision", "what", models.CharField(choices=WHAT, max_length=12)),
    ]
