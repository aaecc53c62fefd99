"""Rows of scheduled changes."""

import uuid

from django.db import models
from django.utils import timezone

from control.audit.audited import AuditedModel
from control.program.models import HASH_CHARS, PublishRequest
from program.fields import LINK_CODE_CHARS_MAX

REASON_CHARS_MAX = 2_000


class ChangeKind(models.TextChoices):
    """Object and kind of a scheduled change."""

    PARTNER = "partner", "Partner"
    OFFER = "offer", "Offer"
    LINK = "link", "Link"
    PUBLISH = "publish", "Publish"
    ROLLBACK = "rollback", "Roll back"


class ChangeState(models.TextChoices):
    """State of a scheduled change."""

    SCHEDULED = "scheduled", "Scheduled"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class ScheduledChange(AuditedModel):
    """A change that a person or key has scheduled, and how it ended."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=ChangeKind.choices)
    object_id = models.CharField(max_length=LINK_CODE_CHARS_MAX, blank=True)
    """Number of the partner or offer, code of the link, version to go back to; empty for publishing."""
    object_name = models.CharField(max_length=254, blank=True)
    partner = models.PositiveBigIntegerField(null=True)
    """Partner that the object belongs to."""
    to = models.CharField(max_length=12, blank=True)
    """State that the object is to have."""
    at = models.DateTimeField()
    """Time of the change; for terms, the time from which they are to count."""
    reason = models.TextField(blank=True, max_length=REASON_CHARS_MAX)
    content_hash = models.CharField(max_length=HASH_CHARS, blank=True)
    """Content that is to be published; another one is refused."""
    request = models.ForeignKey(PublishRequest, on_delete=models.PROTECT, null=True)
    """Request whose approval has scheduled the change."""
    state = models.CharField(max_length=9, choices=ChangeState.choices, default=ChangeState.SCHEDULED)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64, blank=True)
    actor_name = models.CharField(max_length=254)
    actor_partner = models.PositiveBigIntegerField(null=True)
    """Partner whose person or key has scheduled the change; None for operators."""
    created = models.DateTimeField(default=timezone.now, editable=False)
    finished = models.DateTimeField(null=True)
    result = models.TextField(blank=True, max_length=4_000)
    """Reason of a failure, or what was different from the plan."""

    audit_name = "object_name"
    audit_partner = "partner"

    class Meta(AuditedModel.Meta):
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["state", "at"], name="scheduled_by_state"),
            models.Index(fields=["kind", "object_id"], name="scheduled_by_object"),
            models.Index(fields=["at", "id"], name="scheduled_by_time"),
        ]

    def __str__(self) -> str:
        if self.kind == ChangeKind.PUBLISH:
            return "Publish the drafts"
        if self.kind == ChangeKind.ROLLBACK:
            return f"Bring version {self.object_id} back"
        return f"{self.object_name or self.object_id}: {self.to}"
