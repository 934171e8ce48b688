from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("engagements", "0099_pauses_in_portal")]

    operations = [
        migrations.AlterField("savedview", "page", models.CharField(max_length=12)),
        migrations.AlterField("defaultview", "page", models.CharField(max_length=12)),
    ]
