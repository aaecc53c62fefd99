"""Rows of the contracts."""

import uuid
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from control.audit.audited import AuditedModel
from control.contracts.states import ContractState
from control.files.models import StoredFile
from control.partners.models import Partner, empty_list, empty_map
from control.program.validators import timezone as time_zone
from control.texts import no_control_characters

TEXT_CHARS_MAX = 100_000
REASON_CHARS_MAX = 2_000
HASH_CHARS = 64


class TemplateKind(models.TextChoices):
    """Kind of a contract."""

    MASTER = "master", "Master agreement"
    SCHEDULE = "schedule", "Schedule"
    ADDENDUM = "addendum", "Addendum"
    NDA = "nda", "Confidentiality"
    DPA = "dpa", "Data processing"


class ContractTemplate(AuditedModel):
    """Template of contracts. What it says is in its versions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(
        max_length=40, unique=True,
        validators=[RegexValidator(r"\A[a-z0-9][a-z0-9_-]*\Z", "must be small letters, digits, - and _")],
    )  # fmt: skip
    name = models.CharField(max_length=200, validators=[no_control_characters])
    kind = models.CharField(max_length=8, choices=TemplateKind.choices, default=TemplateKind.MASTER)
    created = models.DateTimeField(default=timezone.now, editable=False)

    audit_name = "code"

    class Meta(AuditedModel.Meta):
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(AuditedModel):
    """Version of a template. Once it is published, it never changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    template = models.ForeignKey(ContractTemplate, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    texts = models.JSONField()
    """Markdown by language."""
    variables = models.JSONField(default=empty_list, blank=True)
    """Objects with name, label, type (text, number or date) and default."""
    plan_terms = models.JSONField(default=empty_list, blank=True)
    """Payout terms, with the fields of plans: offer, goal, percent, fixed, hold."""
    term_months = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    """Months until the contract ends; null for no end."""
    notice_days = models.PositiveIntegerField(default=30, validators=[MaxValueValidator(730)])
    tail_days = models.PositiveIntegerField(default=30, validators=[MaxValueValidator(730)])
    countersign = models.BooleanField(default=False)
    change_note = models.TextField(blank=True, max_length=REASON_CHARS_MAX)
    sha256 = models.CharField(max_length=HASH_CHARS, blank=True)
    """Hash of the content, set when the version is published."""
    published = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(AuditedModel.Meta):
        ordering = ["template", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="contract_version_once"),
            models.UniqueConstraint(
                fields=["template"], name="contract_version_one_draft", condition=models.Q(published=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template_id} version {self.number}"


class Contract(AuditedModel):
    """Contract with a partner: the text that was sent never changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveBigIntegerField(unique=True)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="contracts")
    version = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="contracts")
    locale = models.CharField(max_length=16)
    values = models.JSONField(default=empty_map, blank=True)
    text = models.TextField()
    """Markdown with values filled in and the terms at its end: what the partner reads and accepts."""
    sha256 = models.CharField(max_length=HASH_CHARS)
    """Hash of the text."""
    state = models.CharField(max_length=16, choices=ContractState.choices, default=ContractState.SENT)
    reason = models.TextField(blank=True, max_length=REASON_CHARS_MAX)
    tz = models.CharField(max_length=64, default="UTC", validators=[time_zone])
    starts = models.DateTimeField(null=True, blank=True)
    ends = models.DateTimeField(null=True, blank=True)
    """End, exclusive: the first instant after the contract."""
    supersedes = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="successors")
    pdf = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    pdf_sha256 = models.CharField(max_length=HASH_CHARS, blank=True)
    sent_by = models.CharField(max_length=254)
    sent = models.DateTimeField(default=timezone.now, editable=False)
    opened = models.DateTimeField(null=True, blank=True)
    """First time that one of the partner's people has opened the text."""
    countersigned_by = models.CharField(max_length=254, blank=True)
    countersigned = models.DateTimeField(null=True, blank=True)

    audit_ignored = frozenset({"text"})
    audit_partner = "partner_id"

    class Meta(AuditedModel.Meta):
        ordering = ["-number"]
        indexes = [
            models.Index(fields=["partner", "state"], name="contract_by_partner"),
            models.Index(fields=["state", "starts"], name="contract_by_start"),
            models.Index(fields=["state", "ends"], name="contract_by_end"),
        ]

    def __str__(self) -> str:
        return f"C{self.number}"


class Acceptance(models.Model):
    """Evidence of an acceptance. It is only added."""

    contract = models.OneToOneField(Contract, on_delete=models.PROTECT, related_name="acceptance")
    person_id = models.CharField(max_length=64)
    person_email = models.CharField(max_length=254)
    authority = models.TextField()
    """Sentence about the authority to sign that the person has ticked."""
    typed_name = models.CharField(max_length=200, validators=[no_control_characters])
    at = models.DateTimeField()
    ip = models.CharField(max_length=64)
    user_agent = models.CharField(max_length=500)
    session = models.CharField(max_length=HASH_CHARS)
    """Hash of the key of the session; empty without one."""
    locale = models.CharField(max_length=16)
    sha256 = models.CharField(max_length=HASH_CHARS)
    """Hash of the text that was shown."""
    snapshot = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    """The page with the text, as HTML."""
    opened = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"acceptance of {self.contract_id}"

    def to_json(self) -> dict[str, Any]:
        """Return the evidence for people outside."""
        names = ("person_id", "person_email", "authority", "typed_name", "ip", "user_agent", "session", "locale")
        times = {name: value.isoformat() for name in ("at", "opened") if (value := getattr(self, name)) is not None}
        return {name: getattr(self, name) for name in names} | times | {"sha256": self.sha256}
