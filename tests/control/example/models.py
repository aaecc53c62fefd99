"""Rows of the notes."""

import uuid

from django.db import models
from django.utils import timezone

from control.audit.audited import AuditedModel
from control.partners.models import Partner

TEXT_CHARS_MAX = 2_000


class Note(AuditedModel):
    """A note about a partner."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="notes")
    text = models.TextField(max_length=TEXT_CHARS_MAX)
    author = models.CharField(max_length=254, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)

    audit_partner = "partner_id"

    class Meta(AuditedModel.Meta):
        ordering = ["-created"]
        indexes = [models.Index(fields=["partner", "created"], name="note_by_partner")]

    def __str__(self) -> str:
        return self.text[:80]
