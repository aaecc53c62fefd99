"""Rows of the API."""

from django.db import models
from django.utils import timezone


class IdempotentAnswer(models.Model):
    """Answer to a POST with an Idempotency-Key, kept for a repetition."""

    actor_id = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    """Hash over path and body."""
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=bytes)
    created = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["actor_id", "key"], name="idempotency_key")]

    def __str__(self) -> str:
        return self.key
