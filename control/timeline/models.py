"""Rows of the notes."""

import uuid

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils import timezone

from control.audit.audited import AuditedModel
from control.partners.models import Partner

TEXT_CHARS_MAX = 4_000
MENTIONS_MAX = 10
"""Most operators that one note mentions."""


class Audience(models.TextChoices):
    """People who may read a note."""

    INTERNAL = "internal", "Colleagues only"
    SHARED = "shared", "Shared with the partner"


class Note(AuditedModel):
    """A note about an object. The rights follow the partner that the object belongs to."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="timeline_notes")
    object_type = models.CharField(max_length=40, default="partner")
    object_id = models.CharField(max_length=64)
    text = models.TextField(validators=[MaxLengthValidator(TEXT_CHARS_MAX)])
    audience = models.CharField(max_length=8, choices=Audience.choices, default=Audience.INTERNAL)
    author = models.CharField(max_length=254, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)

    audit_partner = "partner_id"

    class Meta(AuditedModel.Meta):
        ordering = ["-created", "-id"]
        indexes = [
            models.Index(fields=["object_type", "object_id", "-created"], name="note_by_object"),
            models.Index(fields=["partner", "-created"], name="timeline_note_by_partner"),
        ]

    def __str__(self) -> str:
        return self.text[:80]


class Mention(AuditedModel):
    """An operator whom a note mentions."""

    note = models.ForeignKey(Note, on_delete=models.PROTECT, related_name="mentions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="mentions")

    class Meta(AuditedModel.Meta):
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["note", "user"], name="one_mention_of_a_person")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.note_id}"
