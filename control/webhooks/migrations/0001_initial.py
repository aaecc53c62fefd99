import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import control.texts
import control.webhooks.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Pending"), ("delivered", "Delivered"), ("failed", "Failed")],
                        default="pending",
                        max_length=9,
                    ),
                ),
                ("next_at", models.DateTimeField(default=django.utils.timezone.now, null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("answer_status", models.PositiveSmallIntegerField(null=True)),
                ("error", models.CharField(blank=True, max_length=500)),
                ("finished", models.DateTimeField(null=True)),
                ("created", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("url", models.CharField(max_length=2000)),
                (
                    "description",
                    models.CharField(blank=True, max_length=200, validators=[control.texts.no_control_characters]),
                ),
                ("events", models.JSONField()),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("paused", "Paused"), ("disabled", "Disabled")],
                        default="active",
                        max_length=8,
                    ),
                ),
                ("sealed_secret", models.BinaryField()),
                ("old_sealed_secret", models.BinaryField(blank=True, default=bytes)),
                ("old_valid_until", models.DateTimeField(blank=True, null=True)),
                ("owner_email", models.EmailField(blank=True, max_length=254)),
                ("created_by", models.CharField(max_length=254)),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("failing_since", models.DateTimeField(blank=True, null=True)),
                ("resting_until", models.DateTimeField(blank=True, null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
            ],
            options={
                "ordering": ["created"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="DeliveryAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("duration_ms", models.PositiveIntegerField()),
                ("answer_status", models.PositiveSmallIntegerField(null=True)),
                ("answer", models.TextField(blank=True)),
                ("error", models.CharField(blank=True, max_length=500)),
                (
                    "delivery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="log", to="webhooks.delivery"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="delivery",
            name="webhook",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="webhooks.webhook"
            ),
        ),
        migrations.CreateModel(
            name="WebhookEvent",
            fields=[
                ("sequence", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "id",
                    models.CharField(
                        default=control.webhooks.models.new_event_id, editable=False, max_length=36, unique=True
                    ),
                ),
                ("type", models.CharField(max_length=40)),
                ("object_id", models.CharField(max_length=64)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("data", models.JSONField()),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="webhook_event_at")],
            },
        ),
        migrations.AddField(
            model_name="delivery",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="webhooks.webhookevent"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("state", "pending")),
                fields=["webhook", "next_at", "id"],
                name="webhook_delivery_due",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["webhook", "id"], name="webhook_delivery_of"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["created"], name="webhook_delivery_created"),
        ),
    ]
