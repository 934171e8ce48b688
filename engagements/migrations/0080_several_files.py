from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("engagements", "0074_comments")]

    operations = [
        migrations.AddField(
            "importbatch",
            "parts",
            models.JSONField(default=list, help_text="The files of a joined log, as engagements.imports.several gives them."),
        ),
    ]
