import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("files", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Export",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("resource", models.CharField(max_length=16)),
                ("format", models.CharField(choices=[("csv", "CSV"), ("xlsx", "Excel (XLSX)")], max_length=4)),
                ("filters", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("done", "Done"), ("failed", "Failed")],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("problem", models.TextField(blank=True)),
                ("rows_count", models.PositiveIntegerField(default=0)),
                ("creator_kind", models.CharField(max_length=16)),
                ("creator_id", models.CharField(max_length=64)),
                ("creator_name", models.CharField(max_length=254)),
                ("partner", models.PositiveBigIntegerField(null=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("expires", models.DateTimeField()),
                (
                    "file",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="files.storedfile"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["creator_id", "created"], name="export_by_creator"),
                    models.Index(fields=["expires"], name="export_by_expiry"),
                ],
            },
        ),
    ]
