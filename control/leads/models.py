"""Rows of the leads."""

import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from control.audit.audited import AuditedModel
from control.leads.states import Answer, LeadState
from control.partners.models import Partner, empty_list, empty_map
from control.territories.matching import Point, folded
from control.territories.models import WEIGHT_MAX, Territory
from control.texts import TextList, no_control_characters

PLACE_CHARS_MAX = 120
REASON_CHARS_MAX = 2_000
NOTE_CHARS_MAX = 4_000
POOL_PARTNERS_MAX = 200
CONVERSIONS_MAX = 100
HOURS_MAX = 500
DAYS_MAX = 365
OPEN_MAX = 1_000


def _text(chars_max: int) -> Any:
    return models.CharField(max_length=chars_max, blank=True, validators=[no_control_characters])


class Lead(AuditedModel):
    """A possible customer. Its row is audited; its offers keep who was asked, and why."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = _text(80)
    company = models.CharField(max_length=200, validators=[no_control_characters])
    company_key = models.CharField(max_length=200, editable=False)
    """Name of the company as it is compared."""
    contact = _text(200)
    email = models.EmailField(blank=True)
    phone = _text(40)
    country = models.CharField(
        max_length=2, blank=True, validators=[RegexValidator(r"\A[A-Z]{2}\Z", "must be two capitals, for example DE")]
    )
    region = _text(PLACE_CHARS_MAX)
    postal = _text(20)
    segment = _text(PLACE_CHARS_MAX)
    product = _text(PLACE_CHARS_MAX)
    note = models.TextField(blank=True, max_length=NOTE_CHARS_MAX)
    value_minor = models.PositiveBigIntegerField(null=True, blank=True)
    value_currency = models.CharField(max_length=3, blank=True)
    consent = models.BooleanField(default=False)
    """True if the contact agrees that a partner gets the data. Without it the lead is never offered."""
    state = models.CharField(max_length=8, choices=LeadState.choices, default=LeadState.NEW)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="leads")
    """Partner who has accepted it."""
    offered_to = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """Partner whose answer it waits for."""
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, null=True, blank=True, related_name="leads")
    """Territory by which it was offered last."""
    deadline = models.DateTimeField(null=True, blank=True)
    """Time until which the partner may answer."""
    last_activity = models.DateTimeField(default=timezone.now)
    reminders = models.PositiveIntegerField(default=0)
    """Reminders since the last activity."""
    escalated = models.DateTimeField(null=True, blank=True)
    """Time at which nobody was left to ask, and the manager was told."""
    reason = models.TextField(blank=True, max_length=REASON_CHARS_MAX)
    """Reason of the last change."""
    order_number = _text(200)
    conversions = models.JSONField(default=empty_list, blank=True, validators=[TextList(CONVERSIONS_MAX, 64)])
    """Ids of the conversions that the lead has become."""
    created = models.DateTimeField(default=timezone.now, editable=False)

    audit_name = "company"

    class Meta(AuditedModel.Meta):
        ordering = ["-created"]
        indexes = [
            models.Index(fields=["state", "deadline"], name="lead_by_deadline"),
            models.Index(fields=["state", "last_activity"], name="lead_by_activity"),
            models.Index(fields=["state", "created"], name="lead_by_time"),
            models.Index(fields=["partner", "state"], name="lead_by_partner"),
            models.Index(fields=["offered_to", "state"], name="lead_by_offered"),
            models.Index(fields=["company_key"], name="lead_by_company"),
        ]

    def __str__(self) -> str:
        return self.company

    def save(self, *arguments: Any, **options: Any) -> None:
        """Store the lead, with the name by which companies are compared."""
        self.company_key = folded(self.company)[:200]
        super().save(*arguments, **options)

    def point(self) -> Point:
        """Return the lead as territories look at it."""
        return Point(self.country, self.region, self.postal, self.segment, self.product, self.company)


class LeadOffer(models.Model):
    """Offer of a lead to one partner. The lead's own row is audited; this one keeps the order of the offers."""

    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="offers")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="lead_offers")
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, null=True, related_name="+")
    rank = models.PositiveIntegerField()
    """Place in the order of the offers, from 1."""
    why = models.TextField()
    at = models.DateTimeField()
    due = models.DateTimeField()
    answer = models.CharField(max_length=9, choices=Answer.choices, blank=True, default=Answer.WAITING)
    answered = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["lead", "rank"]
        constraints = [models.UniqueConstraint(fields=["lead", "partner"], name="lead_offered_once")]
        indexes = [models.Index(fields=["partner", "at"], name="lead_offer_by_partner")]

    def __str__(self) -> str:
        return f"{self.lead_id} {self.partner_id}"


def _pool(value: Any) -> None:
    if not isinstance(value, dict) or len(value) > POOL_PARTNERS_MAX:
        raise ValidationError(f"must name at most {POOL_PARTNERS_MAX} partners with their weights")
    for number, weight in value.items():
        if not str(number).isdecimal() or not isinstance(weight, int) or not 1 <= weight <= WEIGHT_MAX:
            raise ValidationError(f"must hold numbers of partners with weights of 1 to {WEIGHT_MAX}")


class LeadRouting(AuditedModel):
    """Settings by which leads find their partners; one row, and none before somebody has changed it."""

    accept_h = models.PositiveIntegerField(default=24, validators=[MinValueValidator(1), MaxValueValidator(HOURS_MAX)])
    """Business hours in which a partner has to answer."""
    idle_days = models.PositiveIntegerField(default=7, validators=[MinValueValidator(1), MaxValueValidator(DAYS_MAX)])
    """Days without activity after which a lead is taken back; reminders go out after one and two thirds of them."""
    expire_days = models.PositiveIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(DAYS_MAX)]
    )
    """Days after which a lead that nobody has expires."""
    max_open = models.PositiveIntegerField(default=20, validators=[MinValueValidator(1), MaxValueValidator(OPEN_MAX)])
    """Most leads that a partner may have open; one with as many gets no offers."""
    pool = models.JSONField(default=empty_map, blank=True, validators=[_pool])
    """Partners who are asked after the owners of territories: weights by number."""
    manager = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Operator who is told of leads that nobody is left to ask for."""

    def __str__(self) -> str:
        return "Routing of leads"
