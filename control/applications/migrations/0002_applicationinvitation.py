import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import control.texts


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApplicationInvitation",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("email", models.EmailField(max_length=254)),
                (
                    "name",
                    models.CharField(blank=True, max_length=120, validators=[control.texts.no_control_characters]),
                ),
                ("invited_by", models.CharField(blank=True, max_length=254)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("expires", models.DateTimeField()),
                (
                    "application",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invitations",
                        to="applications.application",
                    ),
                ),
                (
                    "form",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invitations",
                        to="applications.applicationform",
                    ),
                ),
            ],
            options={
                "ordering": ["-created"],
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("form", "email"), name="application_invitation")],
            },
        ),
    ]
