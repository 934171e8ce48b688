from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("engagements", "0100_days_not_yet_written")]

    operations = [
        migrations.AlterField("savedview", "page", models.CharField(max_length=12)),
        migrations.AlterField("defaultview", "page", models.CharField(max_length=12)),
    ]
