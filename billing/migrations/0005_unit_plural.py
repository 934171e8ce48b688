from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_withdrawn_usage")]

    operations = [
        migrations.AddField(
            "chargetermversion",
            "unit_plural",
            models.CharField(blank=True, default="", help_text="What several are called; empty: by the rule of English.", max_length=30),
            preserve_default=False,
        ),
        migrations.AddField(
            "invoiceline", "unit_plural", models.CharField(blank=True, default="", max_length=30), preserve_default=False
        ),
    ]
