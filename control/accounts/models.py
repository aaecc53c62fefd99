"""Rows of the accounts."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone

from control.accounts.roles import Role
from control.audit.audited import AuditedModel, AuditedQuerySet


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
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=20, choices=Role.choices, blank=True)
    is_active = models.BooleanField(default=True)
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
