"""Rows of application forms, applications and their rules."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from control.applications.states import OPEN, WAITING, ApplicationStatus, FormStatus, Reapply, RuleMode
from control.applications.weights import WEIGHTS, weights_problem
from control.audit.audited import AuditedModel
from control.clock.due import Clock
from control.custom_forms.countries import COUNTRIES
from control.custom_forms.definition import Definition
from control.custom_forms.models import CustomForm, FormVersion
from control.partners.models import Partner, PartnerType, empty_list, empty_map
from control.texts import TextList, no_control_characters

_HOST = r"\A(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:[0-9]{1,5})?\Z"


def _hosts(value: Any) -> None:
    TextList(20, 253)(value)
    for host in value:
        RegexValidator(_HOST, f"has {host!r}; write hosts such as www.example.com or *.example.com")(host)


def _countries(value: Any) -> None:
    if not isinstance(value, list) or len(set(map(str, value))) != len(value):
        raise ValidationError("must be a list of different countries")
    if unknown := [item for item in value if item not in COUNTRIES]:
        raise ValidationError(f"has {unknown[0]!r}; write codes of two capitals, such as DE")


def _weights(value: Any) -> None:
    if problem := weights_problem(value):
        raise ValidationError(problem)


def _texts(value: Any) -> None:
    if not isinstance(value, dict) or len(value) > 20:
        raise ValidationError("must be a map of at most 20 languages to texts")
    if any(not isinstance(text, str) or len(text) > 4_000 for text in value.values()):
        raise ValidationError("must hold texts of at most 4000 characters")


class ApplicationForm(AuditedModel):
    """A form by which people apply to become partners, with its public page."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.CharField(
        max_length=60, unique=True,
        validators=[RegexValidator(r"\A[a-z0-9]+(-[a-z0-9]+)*\Z", "must be small letters, digits and single hyphens")],
    )  # fmt: skip
    name = models.CharField(max_length=120, validators=[no_control_characters])
    fields = models.OneToOneField(CustomForm, on_delete=models.PROTECT, related_name="application_form")
    status = models.CharField(max_length=10, choices=FormStatus.choices, default=FormStatus.DRAFT)
    intro = models.JSONField(default=empty_map, blank=True, validators=[_texts])
    """Text above the fields, by language."""
    color = models.CharField(
        max_length=7, blank=True,
        validators=[RegexValidator(r"\A#[0-9a-fA-F]{6}\Z", "must be a colour such as #0F6CBD")],
    )  # fmt: skip
    group = models.CharField(max_length=80, blank=True, validators=[no_control_characters])
    partner_type = models.CharField(max_length=16, choices=PartnerType.choices, default=PartnerType.NONE, blank=True)
    manager = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="application_forms"
    )
    contract_template = models.CharField(max_length=60, blank=True)
    """Code of the template whose contract a new partner is sent."""
    verify_email = models.BooleanField(default=True)
    reapply = models.CharField(max_length=8, choices=Reapply.choices, default=Reapply.DAYS)
    reapply_days = models.PositiveIntegerField(default=30, validators=[MinValueValidator(1), MaxValueValidator(3_650)])
    sla_h = models.PositiveIntegerField(default=48, validators=[MinValueValidator(1), MaxValueValidator(2_000)])
    """Business hours until an application should be decided."""
    referral_allowed = models.BooleanField(default=True)
    countries = models.JSONField(default=empty_list, blank=True, validators=[_countries])
    """Countries that the program wants; all if there are none."""
    words = models.JSONField(default=empty_list, blank=True, validators=[TextList(50, 60)])
    """Words that a fitting site has."""
    weights = models.JSONField(default=empty_map, blank=True, validators=[_weights])
    """Points that differ from the usual ones, by part of the score."""
    embed_hosts = models.JSONField(default=empty_list, blank=True, validators=[_hosts])
    """Hosts whose pages may show the form in a frame."""
    created = models.DateTimeField(default=timezone.now, editable=False)

    audit_name = "name"

    class Meta(AuditedModel.Meta):
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def points(self) -> Mapping[str, int]:
        """Points of each part of the score."""
        return {**WEIGHTS, **self.weights}


class FormDay(models.Model):
    """Numbers of visits of a form on a day. They are counts of an anonymous page, so they are not audited."""

    form = models.ForeignKey(ApplicationForm, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    visited = models.PositiveIntegerField(default=0)
    started = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["form", "day"], name="application_form_day")]

    def __str__(self) -> str:
        return f"{self.form_id} {self.day}"


class Application(AuditedModel):
    """An application of a person, with its answers and its assessment."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    form = models.ForeignKey(ApplicationForm, on_delete=models.PROTECT, related_name="applications")
    version = models.ForeignKey(FormVersion, on_delete=models.PROTECT, related_name="applications")
    status = models.CharField(max_length=10, choices=ApplicationStatus.choices, default=ApplicationStatus.UNVERIFIED)
    name = models.CharField(max_length=120, validators=[no_control_characters])
    email = models.EmailField()
    locale = models.CharField(max_length=16, blank=True)
    answers = models.JSONField(default=empty_map, blank=True)
    company = models.CharField(max_length=200, blank=True)
    website = models.CharField(max_length=500, blank=True)
    country = models.CharField(max_length=2, blank=True)
    tax_id = models.CharField(max_length=200, blank=True)
    source = models.JSONField(default=empty_map, blank=True)
    """Campaign, referrer and host of the page."""
    referred_by = models.ForeignKey(
        Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="referred_applications"
    )
    base_url = models.CharField(max_length=300, blank=True)
    """Address of this installation, as the applicant has used it."""
    score = models.PositiveSmallIntegerField(null=True, blank=True)
    parts = models.JSONField(default=empty_list, blank=True)
    """Parts of the score: code, points, evidence."""
    duplicates = models.JSONField(default=empty_list, blank=True)
    site = models.JSONField(default=empty_map, blank=True)
    """Result of the look at the website."""
    reason = models.CharField(max_length=40, blank=True)
    reason_text = models.TextField(blank=True)
    reason_shown = models.BooleanField(default=True)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="applications")
    assigned = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="applications"
    )
    question = models.TextField(blank=True)
    """Open question to the applicant."""
    notes = models.JSONField(default=empty_list, blank=True)
    """Questions, answers and internal notes: kind, text, by, at."""
    pauses = models.JSONField(default=empty_list, blank=True)
    """Pauses of the clock: pairs of times, the last one without an end while the applicant is asked."""
    due = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=254, blank=True)
    rule = models.CharField(max_length=120, blank=True)
    """Name of the rule that has decided."""
    visited = models.DateTimeField(null=True, blank=True)
    submitted = models.DateTimeField(default=timezone.now)
    verified = models.DateTimeField(null=True, blank=True)
    started = models.DateTimeField(null=True, blank=True)
    """Start of the clock: the moment at which the application could be decided."""
    decided = models.DateTimeField(null=True, blank=True)

    audit_ignored = frozenset({"parts", "duplicates", "site", "pauses"})
    """Columns that follow from others; the score itself is recorded."""
    audit_name = "name"
    audit_partner = "partner_id"

    class Meta(AuditedModel.Meta):
        ordering = ["-submitted"]
        indexes = [
            models.Index(fields=["status", "due"], name="application_by_due"),
            models.Index(fields=["form", "status", "submitted"], name="application_by_form"),
            models.Index(fields=["email", "submitted"], name="application_by_email"),
            models.Index(fields=["tax_id"], name="application_by_tax_id"),
        ]
        constraints = [
            # Two requests at the same moment leave one application of an address to decide.
            models.UniqueConstraint(
                fields=["form", "email"], name="application_waiting", condition=models.Q(status__in=sorted(WAITING))
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def definition(self) -> Definition:
        """Fields of the form at the time of the application."""
        return self.version.definition

    @property
    def is_open(self) -> bool:
        """True before a decision."""
        return self.status in OPEN

    @property
    def clock(self) -> Clock | None:
        """Clock of the decision; None before the mail address is verified."""
        if self.started is None:
            return None
        pauses = [
            (datetime.fromisoformat(start), datetime.fromisoformat(end) if end else None) for start, end in self.pauses
        ]
        return Clock(self.started, timedelta(hours=self.form.sla_h), pauses)

    @property
    def again_from(self) -> datetime | None:
        """Time from which a rejected person may apply again; None if never, or if the person was not rejected."""
        if self.decided is None or self.form.reapply == Reapply.NEVER:
            return None
        days = self.form.reapply_days if self.form.reapply == Reapply.DAYS else 0
        return self.decided + timedelta(days=days)


class ApplicationInvitation(AuditedModel):
    """An invitation to apply by a form. Its link fills in name and address, and proves the address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    form = models.ForeignKey(ApplicationForm, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField()
    name = models.CharField(max_length=120, blank=True, validators=[no_control_characters])
    invited_by = models.CharField(max_length=254, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    expires = models.DateTimeField()
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, null=True, blank=True, related_name="invitations"
    )
    """Application that was sent by the link."""

    audit_name = "email"

    class Meta(AuditedModel.Meta):
        ordering = ["-created"]
        constraints = [models.UniqueConstraint(fields=["form", "email"], name="application_invitation")]

    def __str__(self) -> str:
        return self.email


class AutoRule(AuditedModel):
    """Rule that decides applications of a form by itself."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    form = models.ForeignKey(ApplicationForm, on_delete=models.PROTECT, related_name="rules")
    name = models.CharField(max_length=120, validators=[no_control_characters])
    position = models.PositiveIntegerField(default=100)
    """Rules are asked in this order; the first one that fits decides."""
    conditions = models.JSONField(default=empty_list)
    action = models.CharField(max_length=8, choices=[("approve", "Approve"), ("reject", "Reject")])
    reason = models.CharField(max_length=40, blank=True)
    mode = models.CharField(max_length=3, choices=RuleMode.choices, default=RuleMode.OFF)
    dry_run = models.JSONField(default=empty_map, blank=True)
    """Result of the last dry run, with the digest of what was tried."""
    is_archived = models.BooleanField(default=False)
    created = models.DateTimeField(default=timezone.now, editable=False)

    audit_name = "name"

    class Meta(AuditedModel.Meta):
        ordering = ["form", "position", "created"]

    def __str__(self) -> str:
        return self.name
