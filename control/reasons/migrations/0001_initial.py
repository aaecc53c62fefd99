import django.core.validators
from django.db import migrations, models

import control.reasons.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Reason",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("area", models.CharField(choices=[("application", "Applications")], max_length=20)),
                (
                    "code",
                    models.CharField(
                        max_length=40,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[a-z][a-z0-9_]*\\Z", "must be small letters, digits and _"
                            )
                        ],
                    ),
                ),
                ("texts", models.JSONField(validators=[control.reasons.models._texts])),
                ("shown_to_partner", models.BooleanField(default=True)),
                ("is_archived", models.BooleanField(default=False)),
                ("position", models.PositiveIntegerField(default=100)),
            ],
            options={
                "ordering": ["area", "position", "code"],
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("area", "code"), name="reason_code")],
            },
        ),
    ]
