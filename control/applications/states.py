"""States of applications, and the transitions between them."""

from collections.abc import Mapping

from django.db.models import TextChoices


class ApplicationStatus(TextChoices):
    """State of an application."""

    UNVERIFIED = "unverified", "Unverified"
    NEW = "new", "New"
    NEEDS_INFO = "needs_info", "Needs info"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"


_S = ApplicationStatus

TRANSITIONS: Mapping[ApplicationStatus, frozenset[ApplicationStatus]] = {
    _S.UNVERIFIED: frozenset({_S.NEW, _S.WITHDRAWN}),
    _S.NEW: frozenset({_S.NEEDS_INFO, _S.APPROVED, _S.REJECTED, _S.WITHDRAWN}),
    _S.NEEDS_INFO: frozenset({_S.NEW, _S.APPROVED, _S.REJECTED, _S.WITHDRAWN}),
    _S.APPROVED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}
"""States that an application may go to, by the state it is in."""
OPEN = frozenset({_S.UNVERIFIED, _S.NEW, _S.NEEDS_INFO})
"""States before a decision."""
WAITING = frozenset({_S.NEW, _S.NEEDS_INFO})
"""States in which operators decide."""


class FormStatus(TextChoices):
    """State of an application form."""

    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    CLOSED = "closed", "Closed"


class Reapply(TextChoices):
    """Rule for those who were rejected."""

    INSTANT = "instant", "At once"
    DAYS = "days", "After some days"
    NEVER = "never", "Never"


class RuleMode(TextChoices):
    """State of an automatic rule."""

    OFF = "off", "Off"
    ON = "on", "On"
