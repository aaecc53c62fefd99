"""Rows of the territories."""

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from control.audit.audited import AuditedModel
from control.partners.models import Partner
from control.territories.matching import Claim, read_rules
from control.texts import no_control_characters

RANK_MAX = 1_000
WINNERS_MAX = 20
WEIGHT_MAX = 100


def check_rules(value: Any) -> None:
    """Refuse rules that cannot be read. Raises ValidationError."""
    try:
        read_rules(value)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def no_rules() -> dict[str, list[str]]:
    """Return the default of rules."""
    return {}


class Territory(AuditedModel):
    """Customers that some partners own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True, validators=[no_control_characters])
    rank = models.PositiveIntegerField(default=100, validators=[MinValueValidator(1), MaxValueValidator(RANK_MAX)])
    """Of several territories that match, the one with the smallest rank owns the point."""
    winners = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(WINNERS_MAX)])
    """Most owners that are asked for one lead before the next territory has its turn."""
    rules = models.JSONField(default=no_rules, blank=True, validators=[check_rules])
    starts = models.DateTimeField(null=True, blank=True)
    ends = models.DateTimeField(null=True, blank=True)
    catch_all = models.BooleanField(default=False)
    """True if it owns what no other territory owns."""
    created = models.DateTimeField(default=timezone.now, editable=False)

    audit_name = "name"

    class Meta(AuditedModel.Meta):
        ordering = ["catch_all", "rank", "name"]
        verbose_name_plural = "territories"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Check the fields together. Raises ValidationError."""
        if self.starts is not None and self.ends is not None and self.ends <= self.starts:
            raise ValidationError({"ends": "must be later than the start"})
        if self.catch_all and any(self.rules.values()):
            raise ValidationError({"catch_all": "takes everything that is left; remove the rules, or this mark"})

    def claim(self) -> Claim:
        """Return what decides who owns a point."""
        return Claim(str(self.pk), self.name, self.rank, read_rules(self.rules), self.starts, self.ends, self.catch_all)


class TerritoryOwner(AuditedModel):
    """Partner who owns a territory."""

    territory = models.ForeignKey(Territory, on_delete=models.CASCADE, related_name="owners")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="territories")
    weight = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(WEIGHT_MAX)])
    """Share of the leads, compared with the other owners."""

    audit_partner = "partner_id"

    class Meta(AuditedModel.Meta):
        ordering = ["territory", "partner"]
        constraints = [models.UniqueConstraint(fields=["territory", "partner"], name="territory_owner_once")]

    def __str__(self) -> str:
        return f"{self.territory_id} {self.partner_id}"
