"""Rows of the notifications."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from control.audit.audited import AuditedModel
from control.notifications.kinds import CATEGORY_CHARS_MAX, KIND_CHARS_MAX


class MailPreference(AuditedModel):
    """Choice of a person, or of an address without an account, to get the mails of a category or not."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="mail_preferences"
    )
    email = models.EmailField(blank=True, default="")
    """Address without an account; empty with a person."""
    category = models.CharField(max_length=CATEGORY_CHARS_MAX)
    is_on = models.BooleanField()
    changed = models.DateTimeField(default=timezone.now, editable=False)
    sent = models.DateTimeField(null=True, editable=False)
    """Time of the last weekly summary."""

    audit_ignored = frozenset({"changed", "sent"})
    audit_name = "category"

    class Meta(AuditedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["user", "category"], name="mail_preference_of_person"),
            models.UniqueConstraint(
                fields=["email", "category"], name="mail_preference_of_address", condition=Q(user=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category} {'on' if self.is_on else 'off'}"


class BouncedAddress(AuditedModel):
    """An address to which mail cannot be delivered. It gets only mail that its reader has to have."""

    email = models.EmailField(primary_key=True)
    status = models.CharField(max_length=16)
    """Status of the report, such as 5.1.1."""
    reason = models.CharField(max_length=500, blank=True)
    """Words of the mail server that refused."""
    bounced = models.DateTimeField(default=timezone.now, editable=False)

    audit_name = "email"

    def __str__(self) -> str:
        return self.email


class Notification(models.Model):
    """Line in the list of a person, below the bell."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=KIND_CHARS_MAX)
    text = models.CharField(max_length=300)
    link = models.CharField(max_length=500, blank=True)
    """Path of the page that it is about."""
    created = models.DateTimeField(default=timezone.now, editable=False)
    read = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "read", "-id"], name="notification_unread")]

    def __str__(self) -> str:
        return self.text


class MailTemplate(AuditedModel):
    """Texts of operators for a kind of mail in a language, in place of the built-in ones."""

    kind = models.CharField(max_length=KIND_CHARS_MAX)
    language = models.CharField(max_length=16)
    subject = models.CharField(max_length=200)
    body = models.TextField(max_length=20_000)
    """Markdown with named variables: `Hello {{ name }}`."""
    changed = models.DateTimeField(default=timezone.now, editable=False)

    audit_ignored = frozenset({"changed"})
    audit_name = "kind"

    class Meta(AuditedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["kind", "language"], name="mail_template_in_language")]

    def __str__(self) -> str:
        return f"{self.kind} {self.language}"
