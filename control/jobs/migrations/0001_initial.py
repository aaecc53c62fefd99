import uuid

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="JobSchedule",
            fields=[
                ("task", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("next_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("task", models.CharField(max_length=64)),
                ("arguments", models.JSONField(default=dict)),
                ("key", models.CharField(max_length=200, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("ready", "Ready"), ("running", "Running"), ("done", "Done"), ("dead", "Dead")],
                        default="ready",
                        max_length=8,
                    ),
                ),
                ("run_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("lease_until", models.DateTimeField(null=True)),
                ("worker", models.CharField(default="", max_length=120)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("error", models.TextField(default="")),
                ("done_steps", models.PositiveIntegerField(default=0)),
                ("total_steps", models.PositiveIntegerField(default=0)),
                ("created", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished", models.DateTimeField(null=True)),
                ("asked_by", models.CharField(default="", max_length=254)),
                ("request_id", models.CharField(default="", max_length=64)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("ready", "running"))), fields=["run_at"], name="job_open"
                    ),
                    models.Index(fields=["state", "created", "id"], name="job_by_state"),
                    models.Index(fields=["created", "id"], name="job_by_time"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("ready", "running"))), fields=("key",), name="job_open_key"
                    )
                ],
            },
        ),
    ]
