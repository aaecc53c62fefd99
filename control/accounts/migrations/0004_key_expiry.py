from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_identity"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="expires",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
