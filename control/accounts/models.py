"""Rows of the accounts."""

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone

from control.accounts.languages import LOCALE_CHARS_MAX, TIME_ZONE_CHARS_MAX, check_locale, check_time_zone
from control.accounts.roles import KeyScope, PartnerRole, Role
from control.audit.audited import AuditedModel, AuditedQuerySet
from control.texts import no_control_characters


class UserManager(BaseUserManager["User"].from_queryset(AuditedQuerySet)):  # type: ignore[misc]
    """Manager that finds people by e-mail address, in upper or lower case."""

    use_in_migrations = False

    def create_user(self, email: str, password: str | None = None, **values: Any) -> "User":
        """Store a person; without a password, one cannot sign in by password."""
        user: User = self.model(email=normal_email(email), **values)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        found: User = self.get(email=normal_email(username or ""))
        return found


def normal_email(email: str) -> str:
    """Return the form in which addresses are stored and compared."""
    return email.strip().lower()


class User(AuditedModel, AbstractBaseUser):
    """A person who signs in, by e-mail address. An operator has a role; a partner's people have seats instead."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True, validators=[no_control_characters])
    role = models.CharField(max_length=20, choices=Role.choices, blank=True)
    is_active = models.BooleanField(default=True)
    locale = models.CharField(max_length=LOCALE_CHARS_MAX, blank=True, default="", validators=[check_locale])
    """Language of the portal and of mails; empty for the one that the browser asks for."""
    time_zone = models.CharField(max_length=TIME_ZONE_CHARS_MAX, blank=True, default="", validators=[check_time_zone])
    """Zone of the times in the portal; empty for UTC. Mails give times in UTC."""
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    audit_ignored = frozenset({"last_login"})
    audit_name = "email"

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta(AuditedModel.Meta):
        ordering = ["email"]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_operator(self) -> bool:
        return bool(self.role)

    @property
    def is_staff(self) -> bool:
        """Return False: nobody enters Django's own admin."""
        return False

    def get_full_name(self) -> str:
        return self.name


class Seat(AuditedModel):
    """Place of a person among the people of a partner."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="seats")
    partner = models.ForeignKey("partners.Partner", on_delete=models.PROTECT, related_name="seats")
    role = models.CharField(max_length=20, choices=PartnerRole.choices)
    created = models.DateTimeField(default=timezone.now, editable=False)

    audit_partner = "partner_id"

    class Meta(AuditedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["user", "partner"], name="seat_of_person")]

    def __str__(self) -> str:
        return f"{self.user} {self.role}"


class Identity(AuditedModel):
    """A person at an OpenID provider, connected with the person here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    """Name of the person at the provider, which never becomes another person's; an address may."""
    email = models.CharField(max_length=254, blank=True)
    """Address that the provider gave when the identity was connected."""
    created = models.DateTimeField(default=timezone.now, editable=False)
    last_used = models.DateTimeField(null=True, blank=True)

    audit_ignored = frozenset({"last_used"})
    audit_name = "email"

    class Meta(AuditedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="identity_at_provider"),
            models.UniqueConstraint(fields=["user", "issuer"], name="identity_of_person"),
        ]

    def __str__(self) -> str:
        return self.email or self.subject


UNUSED_AFTER = timedelta(days=90)
"""Time after which a key without a use is shown as unused."""


class ApiKey(AuditedModel):
    """A key for systems. Only a hash of it is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80, validators=[no_control_characters])
    scope = models.CharField(max_length=8, choices=KeyScope.choices)
    partner = models.ForeignKey(
        "partners.Partner", on_delete=models.PROTECT, null=True, blank=True, related_name="api_keys"
    )
    prefix = models.CharField(max_length=16, unique=True)
    """Beginning of the key, by which it is found."""
    digest = models.CharField(max_length=64)
    created = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.CharField(max_length=254, blank=True)
    expires = models.DateTimeField(null=True, blank=True)
    """Time from which the key is refused; null for never."""
    last_used = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)

    audit_ignored = frozenset({"last_used"})
    audit_name = "name"
    audit_partner = "partner_id"

    class Meta(AuditedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["name"], name="api_key_name", condition=models.Q(revoked=None)),
        ]

    def __str__(self) -> str:
        return self.name

    def is_expired(self, now: datetime) -> bool:
        """Return whether the key is refused because its time is over."""
        return self.expires is not None and self.expires <= now

    def is_unused(self, now: datetime | None = None) -> bool:
        """Return whether nobody has used the key for so long that it is better revoked."""
        return (self.last_used or self.created) <= (now or timezone.now()) - UNUSED_AFTER


class InvitationState(models.TextChoices):
    """State of an invitation."""

    OPEN = "open", "Open"
    ACCEPTED = "accepted", "Accepted"
    REVOKED = "revoked", "Withdrawn"
    EXPIRED = "expired", "Expired"


class Invitation(AuditedModel):
    """An invitation by mail. Its link makes the person who opens it a user with its role."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField()
    role = models.CharField(max_length=20)
    """Role of an operator, or of one of the partner's people."""
    partner = models.ForeignKey(
        "partners.Partner", on_delete=models.PROTECT, null=True, blank=True, related_name="invitations"
    )
    digest = models.CharField(max_length=64, unique=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    expires = models.DateTimeField()
    accepted = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)
    invited_by = models.CharField(max_length=254, blank=True)

    audit_name = "email"
    audit_partner = "partner_id"

    def __str__(self) -> str:
        return self.email

    @property
    def state(self) -> InvitationState:
        """Return the state now."""
        if self.accepted is not None:
            return InvitationState.ACCEPTED
        if self.revoked is not None:
            return InvitationState.REVOKED
        return InvitationState.EXPIRED if self.expires <= timezone.now() else InvitationState.OPEN

    @property
    def role_text(self) -> str:
        """Write the role for people."""
        return str(Role(self.role).label if self.partner_id is None else PartnerRole(self.role).label)


class CacheEntry(models.Model):
    """Table of Django's database cache, which rate limits use: it is common to all processes."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "control_cache"

    def __str__(self) -> str:
        return self.cache_key
