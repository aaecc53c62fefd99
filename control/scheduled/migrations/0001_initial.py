import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("program", "0005_publish_request_at"),
    ]

    operations = [
        migrations.CreateModel(
            name="ScheduledChange",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("partner", "Partner"),
                            ("offer", "Offer"),
                            ("link", "Link"),
                            ("publish", "Publish"),
                            ("rollback", "Roll back"),
                        ],
                        max_length=8,
                    ),
                ),
                ("object_id", models.CharField(blank=True, max_length=128)),
                ("object_name", models.CharField(blank=True, max_length=254)),
                ("partner", models.PositiveBigIntegerField(null=True)),
                ("to", models.CharField(blank=True, max_length=12)),
                ("at", models.DateTimeField()),
                ("reason", models.TextField(blank=True, max_length=2000)),
                ("content_hash", models.CharField(blank=True, max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("scheduled", "Scheduled"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="scheduled",
                        max_length=9,
                    ),
                ),
                ("actor_kind", models.CharField(max_length=16)),
                ("actor_id", models.CharField(blank=True, max_length=64)),
                ("actor_name", models.CharField(max_length=254)),
                ("actor_partner", models.PositiveBigIntegerField(null=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("finished", models.DateTimeField(null=True)),
                ("result", models.TextField(blank=True, max_length=4000)),
                (
                    "request",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="program.publishrequest"
                    ),
                ),
            ],
            options={
                "ordering": ["-at"],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(fields=["state", "at"], name="scheduled_by_state"),
                    models.Index(fields=["kind", "object_id"], name="scheduled_by_object"),
                    models.Index(fields=["at", "id"], name="scheduled_by_time"),
                ],
            },
        ),
    ]
