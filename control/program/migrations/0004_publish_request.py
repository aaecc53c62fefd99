import uuid

import django.utils.timezone
from django.db import migrations, models

import control.program.models


class Migration(migrations.Migration):
    dependencies = [
        ("program", "0003_link_by_time"),
    ]

    operations = [
        migrations.CreateModel(
            name="PublishRequest",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("publish", "Publish"), ("rollback", "Roll back")], default="publish", max_length=8
                    ),
                ),
                ("back_to", models.PositiveBigIntegerField(null=True)),
                ("content_hash", models.CharField(max_length=32)),
                ("diff", models.JSONField(default=control.program.models.empty_list)),
                ("comment", models.TextField(blank=True, max_length=2000)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("approved", "Approved"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                            ("replaced", "Replaced"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("requester_kind", models.CharField(max_length=10)),
                ("requester_id", models.CharField(max_length=64)),
                ("requester", models.CharField(max_length=254)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("decider", models.CharField(blank=True, max_length=254)),
                ("decided", models.DateTimeField(null=True)),
                ("decision_reason", models.TextField(blank=True, max_length=2000)),
                ("version", models.PositiveBigIntegerField(null=True)),
            ],
            options={
                "ordering": ["-created"],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["state", "created"], name="publish_request_by_state")],
            },
        ),
    ]
