from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("engagements", "0099_pauses_in_portal")]

    operations = [
        migrations.AddField("timesheetday", "written", models.BooleanField(default=True)),
        migrations.AddConstraint(
            "timesheetday",
            models.CheckConstraint(condition=Q(written=True) | Q(hours=0), name="timesheetday_unwritten_has_no_hours"),
        ),
    ]
