"""Rows of the webhooks."""

import uuid

from django.db import models
from django.utils import timezone

from control.audit.audited import AuditedModel
from control.texts import no_control_characters

URL_CHARS_MAX = 2_000
ERROR_CHARS_MAX = 500
ANSWER_BYTES_MAX = 1_024
"""First bytes of an answer that are kept."""


def new_event_id() -> str:
    """Return the id of an event, which receivers get as webhook-id."""
    return f"evt_{uuid.uuid4().hex}"


class WebhookStatus(models.TextChoices):
    """States of a webhook."""

    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    DISABLED = "disabled", "Disabled"
    DELETED = "deleted", "Deleted"
    """Nobody sees it; a job deletes its deliveries, then the row."""


WITHOUT_EVENTS = (WebhookStatus.DISABLED, WebhookStatus.DELETED)
"""States in which no event waits for a webhook."""


class Webhook(AuditedModel):
    """An address that gets events."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    url = models.CharField(max_length=URL_CHARS_MAX)
    description = models.CharField(max_length=200, blank=True, validators=[no_control_characters])
    events = models.JSONField()
    """Types of events, such as `partner.created`, `offer.*` or `*`."""
    status = models.CharField(max_length=8, choices=WebhookStatus.choices, default=WebhookStatus.ACTIVE)
    sealed_secret = models.BinaryField()
    old_sealed_secret = models.BinaryField(default=bytes, blank=True)
    """Secret before the last rotation."""
    old_valid_until = models.DateTimeField(null=True, blank=True)
    owner_email = models.EmailField(blank=True)
    """Address that is told when the webhook is disabled."""
    created_by = models.CharField(max_length=254)
    created = models.DateTimeField(default=timezone.now, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True)
    """Time of the first failure after the last success."""
    resting_until = models.DateTimeField(null=True, blank=True)
    """Nothing is sent before this time, because the receiver did not answer."""
    failures = models.PositiveIntegerField(default=0)
    """Failures in a row."""
    full_since = models.DateTimeField(null=True, blank=True)
    """Time at which so many events waited that the webhook was paused and its owner told."""

    audit_ignored = frozenset({"failing_since", "resting_until", "failures", "full_since"})
    audit_name = "url"

    class Meta(AuditedModel.Meta):
        ordering = ["created"]

    def __str__(self) -> str:
        return self.description or self.url


class WebhookEvent(models.Model):
    """Something that happened. The outbox: it is stored in the transaction of the change."""

    sequence = models.BigAutoField(primary_key=True)
    """Number that rises with each event; events of one object rise in the order of its changes."""
    id = models.CharField(max_length=36, unique=True, default=new_event_id, editable=False)
    type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)
    data = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["at"], name="webhook_event_at")]

    def __str__(self) -> str:
        return f"{self.type} {self.object_id}"


class DeliveryState(models.TextChoices):
    """States of a delivery."""

    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class Delivery(models.Model):
    """One event on its way to one webhook."""

    id = models.BigAutoField(primary_key=True)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=9, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    next_at = models.DateTimeField(null=True, default=timezone.now)
    """Time of the next attempt; null if there is none."""
    attempts = models.PositiveIntegerField(default=0)
    answer_status = models.PositiveSmallIntegerField(null=True)
    """Status of the last answer; null without an answer."""
    error = models.CharField(max_length=ERROR_CHARS_MAX, blank=True)
    finished = models.DateTimeField(null=True)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(
                fields=["webhook", "next_at", "id"], name="webhook_delivery_due",
                condition=models.Q(state=DeliveryState.PENDING),
            ),
            models.Index(fields=["webhook", "id"], name="webhook_delivery_of"),
            models.Index(fields=["webhook", "state", "id"], name="webhook_delivery_state"),
            models.Index(fields=["created"], name="webhook_delivery_created"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class DeliveryAttempt(models.Model):
    """One request of a delivery, with its answer."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    answer_status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True)
    """First bytes of the answer."""
    error = models.CharField(max_length=ERROR_CHARS_MAX, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.answer_status or self.error}"
