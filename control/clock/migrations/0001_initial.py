from django.db import migrations, models

import control.clock.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="BusinessCalendar",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("zone", models.CharField(blank=True, max_length=64, validators=[control.clock.models._zone])),
                (
                    "hours",
                    models.JSONField(
                        blank=True, default=control.clock.models.usual_hours, validators=[control.clock.models._hours]
                    ),
                ),
                (
                    "holidays",
                    models.JSONField(
                        blank=True, default=control.clock.models.no_days, validators=[control.clock.models._holidays]
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
    ]
