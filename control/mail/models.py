"""Rows of the outbox."""

import uuid

from django.db import models
from django.utils import timezone


class OutgoingMail(models.Model):
    """One mail that was sent or will be."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sender = models.CharField(max_length=254)
    recipients = models.JSONField()
    subject = models.TextField()
    content = models.BinaryField()
    """The whole message; empty after it was sent, because it may hold codes and links that let somebody in."""
    created = models.DateTimeField(default=timezone.now)
    sent = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.subject
