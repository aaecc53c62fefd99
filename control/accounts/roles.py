"""Roles of people."""

from django.db.models import TextChoices


class Role(TextChoices):
    """Role of an operator, or of one of a partner's people."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Administrator"
    PARTNER_MANAGER = "partner_manager", "Partner manager"
    FINANCE = "finance", "Finance"
    SUPPORT = "support", "Support"
    ANALYST = "analyst", "Analyst"
    READ_ONLY = "read_only", "Read-only"


class PartnerRole(TextChoices):
    """Role of a person within one partner."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Administrator"
    FINANCE = "finance", "Finance"
    MEMBER = "member", "Member"
    READ_ONLY = "read_only", "Read-only"
