from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sla", "0051_throughput")]

    operations = [migrations.AddField("calendarversion", "sites", models.JSONField(default=list))]
