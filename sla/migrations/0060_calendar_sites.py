from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sla", "0046_exclusions_in_portal")]

    operations = [migrations.AddField("calendarversion", "sites", models.JSONField(default=list))]
