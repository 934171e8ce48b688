from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sla", "0046_exclusions_in_portal")]

    operations = [
        migrations.AlterField(
            model_name="servicelevelversion",
            name="window",
            field=models.CharField(choices=[("week", "Week"), ("month", "Month"), ("quarter", "Quarter")], default="month", max_length=8),
        ),
    ]
