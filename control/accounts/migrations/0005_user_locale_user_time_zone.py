from django.db import migrations, models

import control.accounts.languages


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_key_expiry"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="locale",
            field=models.CharField(
                blank=True, default="", max_length=16, validators=[control.accounts.languages.check_locale]
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="time_zone",
            field=models.CharField(
                blank=True, default="", max_length=64, validators=[control.accounts.languages.check_time_zone]
            ),
        ),
    ]
