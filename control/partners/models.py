"""Rows of the partners."""

from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from control.audit.audited import AuditedModel
from control.partners.search_text import SOURCES, SearchText
from control.partners.states import PartnerStatus
from control.texts import TextList, TextMap, no_control_characters
from program.file import NAME_CHARS_MAX


class PartnerKind(models.TextChoices):
    """Kind of a partner for attribution; some models pass over direct traffic."""

    PARTNER = "partner", "Partner"
    DIRECT = "direct", "Direct traffic"


class PartnerType(models.TextChoices):
    """Type of a partner, for people and reports."""

    NONE = "", "Not set"
    AFFILIATE = "affiliate", "Affiliate"
    INFLUENCER = "influencer", "Influencer"
    PUBLISHER = "publisher", "Publisher"
    AGENCY = "agency", "Agency"
    NETWORK = "network", "Network"
    REFERRAL = "referral", "Referral"
    RESELLER = "reseller", "Reseller"
    DISTRIBUTOR = "distributor", "Distributor"
    TECHNOLOGY = "technology", "Technology"
    OTHER = "other", "Other"


def empty_list() -> list[str]:
    """Return the default of lists."""
    return []


def empty_map() -> dict[str, object]:
    """Return the default of maps."""
    return {}


class Partner(AuditedModel):
    """A partner. Its number is the key, because links, clicks and tables name it by nothing else."""

    number = models.PositiveBigIntegerField(primary_key=True)
    name = models.CharField(max_length=NAME_CHARS_MAX, validators=[no_control_characters])
    status = models.CharField(max_length=12, choices=PartnerStatus.choices, default=PartnerStatus.APPLIED)
    kind = models.CharField(max_length=8, choices=PartnerKind.choices, default=PartnerKind.PARTNER)
    type = models.CharField(max_length=16, choices=PartnerType.choices, default=PartnerType.NONE, blank=True)
    email = models.EmailField(blank=True)
    company = models.CharField(max_length=200, blank=True, validators=[no_control_characters])
    country = models.CharField(
        max_length=2, blank=True, validators=[RegexValidator(r"\A[A-Z]{2}\Z", "must be two capitals, for example DE")]
    )
    language = models.CharField(
        max_length=16,
        blank=True,
        validators=[RegexValidator(r"\A[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", "must be a language, for example pt-BR")],
    )
    website = models.CharField(max_length=2_000, blank=True, validators=[URLValidator(["http", "https"])])
    traffic_sources = models.JSONField(default=empty_list, blank=True, validators=[TextList(50, 80)])
    tags = models.JSONField(default=empty_list, blank=True, validators=[TextList(50, 80)])
    group = models.CharField(max_length=80, blank=True, validators=[no_control_characters])
    tier = models.CharField(max_length=80, blank=True, validators=[no_control_characters])
    manager = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="partners"
    )
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    custom = models.JSONField(default=empty_map, blank=True, validators=[TextMap(50, 500)])
    external_ids = models.JSONField(default=empty_map, blank=True, validators=[TextMap(20, 200)])
    """Ids of the partner in other systems, by the name of the system."""
    created = models.DateTimeField(default=timezone.now, editable=False)
    search = SearchText(default="", editable=False)

    audit_ignored = frozenset({"search"})
    audit_name = "name"
    audit_partner = "number"

    class Meta(AuditedModel.Meta):
        ordering = ["number"]
        indexes = [
            models.Index(fields=["status", "number"], name="partner_by_status"),
            models.Index(fields=["name", "number"], name="partner_by_name"),
            models.Index(fields=["email"], name="partner_by_email"),
            models.Index(Lower("email"), name="partner_by_lower_email"),
            models.Index(fields=["tier", "number"], name="partner_by_tier"),
            models.Index(fields=["country", "number"], name="partner_by_country"),
            models.Index(fields=["created", "number"], name="partner_by_time"),
            # Lists in the order of names, with a filter or two; the country's has the tier, to count without the rows.
            models.Index(fields=["tier", "name", "number"], name="partner_by_tier_name"),
            models.Index(fields=["country", "name", "number", "tier"], name="partner_by_country_name"),
            models.Index(fields=["status", "created", "number"], name="partner_by_status_time"),
            # Managers see only their own partners.
            models.Index(fields=["manager", "status"], name="partner_by_manager_status"),
            models.Index(fields=["manager", "tier"], name="partner_by_manager_tier"),
            models.Index(fields=["manager", "country"], name="partner_by_manager_country"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *arguments: Any, **options: Any) -> None:
        """Store the partner, with the text by which it is found."""
        fields = options.get("update_fields")
        if fields is not None and {*SOURCES} & {*fields}:
            options["update_fields"] = [*fields, "search"]
        super().save(*arguments, **options)


class PartnerTransition(models.Model):
    """Change of a partner's state. The partner's own row is audited; this one keeps the order of its states."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="transitions")
    old = models.CharField(max_length=12, choices=PartnerStatus.choices, blank=True)
    """State before; empty for a new partner."""
    new = models.CharField(max_length=12, choices=PartnerStatus.choices)
    reason = models.TextField(blank=True)
    actor = models.CharField(max_length=254)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["partner", "id"]

    def __str__(self) -> str:
        return f"{self.partner_id} {self.old} {self.new}"


class PartnerSettings(AuditedModel):
    """Settings of what all partners see; one row, and none before somebody has changed it."""

    show_revenue = models.BooleanField(default=False)
    """Partners see the amounts of the conversions that they take part in."""
    show_profit = models.BooleanField(default=False)
    """Partners see revenue less their payout, too."""

    def __str__(self) -> str:
        return "What partners see"
