"""Rows of the audit trail. Triggers in the database refuse changes and deletions (migration 0002)."""

from django.db import models


class AuditEvent(models.Model):
    """One change, or one other act such as a sign-in."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_name = models.CharField(max_length=254)
    action = models.CharField(max_length=64)
    object_type = models.CharField(max_length=64)
    object_id = models.CharField(max_length=64)
    object_name = models.CharField(max_length=254)
    partner = models.PositiveBigIntegerField(null=True)
    """Number of the partner that the object belongs to."""
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    """Values of the changed fields; secrets are hidden."""
    reason = models.TextField()
    request_id = models.CharField(max_length=64)
    address = models.CharField(max_length=64)
    position = models.PositiveBigIntegerField(null=True, unique=True)
    """Place in the hash chain; null until the event is chained, moments after it was committed."""
    digest = models.CharField(max_length=64)
    """Hash over this event and the digest before it."""

    class Meta:
        indexes = [
            models.Index(fields=["object_type", "object_id", "id"], name="audit_by_object"),
            models.Index(fields=["actor_id", "id"], name="audit_by_actor"),
            models.Index(fields=["at", "id"], name="audit_by_time"),
            models.Index(fields=["id"], name="audit_unchained", condition=models.Q(position=None)),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.object_type} {self.object_name}"


class AuditDay(models.Model):
    """Seal of a day: how far the chain went, and its digest there. A copy of it outside proves what was before."""

    day = models.DateField(primary_key=True)
    last_position = models.PositiveBigIntegerField(unique=True)
    digest = models.CharField(max_length=64)
    sealed = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.day} {self.digest}"
