"""Rows of the reasons."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

from control.audit.audited import AuditedModel
from control.custom_forms.definition import text_in

OTHER = "other"
"""Code of the reason that needs a text."""
TEXT_CHARS_MAX = 500
LANGUAGES_MAX = 20


class ReasonArea(models.TextChoices):
    """Decisions that need a reason."""

    APPLICATION = "application", "Applications"


def _texts(value: Any) -> None:
    if not isinstance(value, dict) or not value.get("en") or len(value) > LANGUAGES_MAX:
        raise ValidationError(f"must hold a text for en, and for at most {LANGUAGES_MAX} languages")
    if any(not isinstance(text, str) or len(text) > TEXT_CHARS_MAX for text in value.values()):
        raise ValidationError(f"must hold texts of at most {TEXT_CHARS_MAX} characters")


class Reason(AuditedModel):
    """A reason that people choose."""

    area = models.CharField(max_length=20, choices=ReasonArea.choices)
    code = models.CharField(
        max_length=40, validators=[RegexValidator(r"\A[a-z][a-z0-9_]*\Z", "must be small letters, digits and _")]
    )
    texts = models.JSONField(validators=[_texts])
    """Text by language."""
    shown_to_partner = models.BooleanField(default=True)
    """True if the text goes to the person whom the decision is about."""
    is_archived = models.BooleanField(default=False)
    """True if it cannot be chosen any more."""
    position = models.PositiveIntegerField(default=100)

    audit_name = "code"

    class Meta(AuditedModel.Meta):
        ordering = ["area", "position", "code"]
        constraints = [models.UniqueConstraint(fields=["area", "code"], name="reason_code")]

    def __str__(self) -> str:
        return self.text_in("en")

    def text_in(self, language: str) -> str:
        """Return the text in a language."""
        return text_in(self.texts, language)
