import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import control.custom_forms.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="CustomForm",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=40)),
                ("name", models.CharField(max_length=120)),
                ("draft", models.JSONField(default=control.custom_forms.models.empty_definition)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "ordering": ["name"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="FormVersion",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                ("content", models.JSONField()),
                ("published", models.DateTimeField(default=django.utils.timezone.now)),
                ("published_by", models.CharField(max_length=254)),
                (
                    "form",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="custom_forms.customform",
                    ),
                ),
            ],
            options={
                "ordering": ["form", "number"],
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("form", "number"), name="form_version_number")],
            },
        ),
    ]
