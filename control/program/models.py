"""Rows of the program.

Routes (links, states, landing pages, approvals) publish themselves with each change. What decides money (plans,
coupons, windows, goals) counts only after somebody publishes it.
"""

import uuid

from django.db import models
from django.utils import timezone

from control.audit.audited import AuditedModel
from control.partners.models import Partner
from control.program import validators
from control.texts import no_control_characters
from program.entries import DEFAULT_CLICK_WINDOW_US, DEFAULT_IMPRESSION_WINDOW_US
from program.fields import COUPON_CODE_CHARS_MAX, GOAL_KEY_CHARS_MAX, LINK_CODE_CHARS_MAX, SUB_NAMES
from program.file import NAME_CHARS_MAX

MODEL_CHARS_MAX = 200
HASH_CHARS = 32


class OfferStatus(models.TextChoices):
    """State of an offer. The program does not contain drafts; an archived one stays, for late conversions."""

    DRAFT = "draft", "Draft"
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    ARCHIVED = "archived", "Archived"


class OfferAccess(models.TextChoices):
    """Partners whose links to an offer work: all of them, or those with an approval."""

    OPEN = "open", "Open"
    APPROVAL = "approval", "On approval"
    PRIVATE = "private", "Private"


class LinkStatus(models.TextChoices):
    """State of a link."""

    ACTIVE = "active", "Active"
    INACTIVE = "inactive", "Inactive"


class ApprovalStatus(models.TextChoices):
    """State of a partner's access to an offer."""

    REQUESTED = "requested", "Requested"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"


class Trust(models.TextChoices):
    """Trust in ids on public links."""

    UNTRUSTED = "untrusted", "Untrusted"
    TRUSTED = "trusted", "Trusted"


class TermsState(models.TextChoices):
    """State of a row that decides money. A published row is only ended, never changed."""

    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    ENDED = "ended", "Ended"


def default_goals() -> list[dict[str, str]]:
    """Return the goals of an offer that names none."""
    return [{"key": "1", "name": "Conversion"}]


def empty_list() -> list[str]:
    """Return the default of lists."""
    return []


def empty_map() -> dict[str, str]:
    """Return the default of maps."""
    return {}


class ProgramSettings(AuditedModel):
    """Settings of the whole program; one row."""

    name = models.CharField(max_length=NAME_CHARS_MAX, blank=True, validators=[no_control_characters])
    currency = models.CharField(max_length=3, default="USD", validators=[validators.currency])
    timezone = models.CharField(max_length=64, default="UTC", validators=[validators.timezone])
    fallback_url = models.CharField(max_length=2_048, blank=True, validators=[validators.fallback_url])
    trusted_proxies = models.JSONField(default=empty_list, blank=True, validators=[validators.proxies])
    report_models = models.JSONField(default=empty_list, blank=True, validators=[validators.models])
    """Models computed for reports, besides those that pay."""
    link_user_id = models.CharField(max_length=9, choices=Trust.choices, default=Trust.UNTRUSTED)

    def __str__(self) -> str:
        return self.name


class Offer(AuditedModel):
    """An offer. Its number is the key, because links, clicks and tables name it by nothing else."""

    number = models.PositiveBigIntegerField(primary_key=True)
    name = models.CharField(max_length=NAME_CHARS_MAX, validators=[no_control_characters])
    status = models.CharField(max_length=8, choices=OfferStatus.choices, default=OfferStatus.DRAFT)
    access = models.CharField(max_length=8, choices=OfferAccess.choices, default=OfferAccess.OPEN)
    description = models.TextField(blank=True, max_length=20_000)
    landing_url = models.CharField(max_length=2_048, validators=[validators.landing_url])
    allowed_hosts = models.JSONField(default=empty_list, blank=True, validators=[validators.hosts])
    click_window_us = models.BigIntegerField(default=DEFAULT_CLICK_WINDOW_US, validators=[validators.window_us])
    impression_window_us = models.BigIntegerField(
        default=DEFAULT_IMPRESSION_WINDOW_US, validators=[validators.window_us]
    )
    goals = models.JSONField(default=default_goals, validators=[validators.goals])
    reopen = models.BooleanField(default=True)
    """True if a declined conversion may be approved, pending or on hold again."""
    pass_through = models.BooleanField(default=False)
    """True if unknown query parameters of a click are passed on to the landing page."""
    published = models.BooleanField(default=False, editable=False)
    """True if the published terms contain the offer; until then its links answer as unknown ones."""
    created = models.DateTimeField(default=timezone.now, editable=False)

    audit_name = "name"

    class Meta(AuditedModel.Meta):
        ordering = ["number"]
        indexes = [models.Index(fields=["status", "number"], name="offer_by_status")]

    def __str__(self) -> str:
        return self.name


class Link(AuditedModel):
    """A link of a partner to an offer."""

    code = models.CharField(max_length=LINK_CODE_CHARS_MAX, unique=True, validators=[validators.link_code])
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="links")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="links")
    status = models.CharField(max_length=8, choices=LinkStatus.choices, default=LinkStatus.ACTIVE)
    landing_url = models.CharField(max_length=2_048, blank=True, default="", validators=[validators.landing_url])
    """Its own landing page, on a host of the offer; empty for the offer's."""
    subs = models.JSONField(default=empty_map, blank=True, validators=[validators.link_subs])
    """Values by sub for hits that do not give them."""
    created = models.DateTimeField(default=timezone.now, editable=False)

    audit_name = "code"
    audit_partner = "partner_id"

    class Meta(AuditedModel.Meta):
        ordering = ["id"]
        indexes = [
            models.Index(fields=["created", "id"], name="link_by_time"),
            models.Index(fields=["offer"], name="link_with_page", condition=~models.Q(landing_url="")),
        ]

    def __str__(self) -> str:
        return self.code

    def ordered_subs(self) -> dict[str, str]:
        """Return the subs in the order of their numbers, which a database does not keep."""
        return {name: self.subs[name] for name in SUB_NAMES if name in self.subs}


class Approval(AuditedModel):
    """Access of a partner to an offer that is not open."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="approvals")
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="approvals")
    status = models.CharField(max_length=9, choices=ApprovalStatus.choices, default=ApprovalStatus.REQUESTED)
    reason = models.TextField(blank=True, max_length=4_000)
    created = models.DateTimeField(default=timezone.now, editable=False)

    audit_partner = "partner_id"

    class Meta(AuditedModel.Meta):
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["partner", "offer"], name="approval_once")]
        indexes = [models.Index(fields=["status", "id"], name="approval_by_status")]

    def __str__(self) -> str:
        return f"partner {self.partner_id}, offer {self.offer_id}"


class TermsRow(AuditedModel):
    """Row that decides money: a draft until it is published, then unchanged until it is ended."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=9, choices=TermsState.choices, default=TermsState.DRAFT)
    ending = models.BooleanField(default=False)
    """True for a published row that the next version ends."""
    valid_from = models.DateTimeField(null=True, editable=False)
    valid_to = models.DateTimeField(null=True, editable=False)
    """Times from which the row and its end count."""
    published_in = models.PositiveBigIntegerField(null=True, editable=False)
    ended_in = models.PositiveBigIntegerField(null=True, editable=False)
    """Versions that published and ended the row."""
    created = models.DateTimeField(default=timezone.now, editable=False)

    audit_partner = "partner_id"

    class Meta(AuditedModel.Meta):
        abstract = True


class Plan(TermsRow):
    """Payment for conversions of an offer, of all partners or of one, for all goals or for one."""

    key = models.CharField(max_length=128, editable=False)
    """Name of the plan in the program: what it applies to."""
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="plans")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="plans", null=True, blank=True)
    goal = models.CharField(max_length=GOAL_KEY_CHARS_MAX, blank=True)
    percent_e6 = models.BigIntegerField(default=0, validators=[validators.percent_e6])
    fixed_minor = models.BigIntegerField(default=0, validators=[validators.amount_minor])
    fixed_currency = models.CharField(max_length=3, blank=True, validators=[validators.currency])
    hold_us = models.BigIntegerField(default=0, validators=[validators.hold_us])
    model = models.CharField(max_length=MODEL_CHARS_MAX, default="last_click", validators=[validators.model])
    click_window_us = models.BigIntegerField(null=True, blank=True, validators=[validators.window_us])
    impression_window_us = models.BigIntegerField(null=True, blank=True, validators=[validators.window_us])
    conversions_min = models.BigIntegerField(null=True, blank=True, validators=[validators.conversions_min])

    audit_name = "key"

    class Meta(TermsRow.Meta):
        ordering = ["key", "created"]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="plan_one_draft", condition=models.Q(state="draft")),
            models.UniqueConstraint(fields=["key"], name="plan_one_published", condition=models.Q(state="published")),
        ]
        indexes = [models.Index(fields=["offer", "state"], name="plan_by_offer")]

    def __str__(self) -> str:
        return self.key


class Coupon(TermsRow):
    """A code that credits a partner with the conversions of an offer that name it."""

    code = models.CharField(max_length=COUPON_CODE_CHARS_MAX, validators=[validators.coupon_code])
    key = models.CharField(max_length=COUPON_CODE_CHARS_MAX * 3, editable=False)
    """The code as it is compared."""
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="coupons")
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="coupons")
    starts = models.DateTimeField(null=True, blank=True)
    ends = models.DateTimeField(null=True, blank=True)
    """End of the validity, exclusive."""

    audit_name = "code"

    class Meta(TermsRow.Meta):
        ordering = ["key", "created"]
        indexes = [
            models.Index(fields=["key", "state"], name="coupon_by_key"),
            models.Index(fields=["offer", "state"], name="coupon_by_offer"),
        ]

    def __str__(self) -> str:
        return self.code


class StoredFit(AuditedModel):
    """Fitted weights that plans may pay by."""

    id = models.CharField(max_length=HASH_CHARS, primary_key=True)
    content = models.BinaryField()

    def __str__(self) -> str:
        return self.id


class SealedSecret(AuditedModel):
    """A secret that the edges check: of an offer's postbacks, or of the events that the program's senders send.

    It is in a separate table, so that no list, form or export of offers can contain it, and it is encrypted, so that
    neither a copy of the database nor its backup tells it.
    """

    offer = models.OneToOneField(Offer, on_delete=models.PROTECT, related_name="sealed", null=True)
    """None for a key of events."""
    sealed_secret = models.BinaryField()
    created = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"secret of offer {self.offer_id}" if self.offer_id else "key of events"


class ProgramPart(models.Model):
    """Content that versions consist of, by its hash: terms, and the parts of routes."""

    hash = models.CharField(max_length=HASH_CHARS, primary_key=True)
    content = models.BinaryField()

    def __str__(self) -> str:
        return self.hash


class VersionKind(models.TextChoices):
    """Cause of a version."""

    PUBLISHED = "published", "Published"
    ROUTES = "routes", "Routes"
    ROLLED_BACK = "rolled_back", "Rolled back"


class ProgramVersion(models.Model):
    """A version of the program. Versions are only added."""

    seq = models.PositiveBigIntegerField(primary_key=True)
    kind = models.CharField(max_length=11, choices=VersionKind.choices)
    terms_hash = models.CharField(max_length=HASH_CHARS)
    routes_root = models.CharField(max_length=HASH_CHARS)
    published = models.DateTimeField()
    effective = models.DateTimeField()
    """Time from which the terms count; never earlier than that of the version before."""
    author = models.CharField(max_length=254)
    approver = models.CharField(max_length=254, blank=True)
    reason = models.TextField(blank=True)
    diff = models.JSONField(default=empty_list)
    """Sentences about the difference from the version before."""
    back_to = models.PositiveBigIntegerField(null=True)
    """Version whose terms this one brings back."""

    class Meta:
        ordering = ["-seq"]

    def __str__(self) -> str:
        return f"version {self.seq}"


class RequestState(models.TextChoices):
    """State of a request for approval."""

    OPEN = "open", "Open"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    REPLACED = "replaced", "Replaced"


class RequestKind(models.TextChoices):
    """Change that a request asks for."""

    PUBLISH = "publish", "Publish"
    ROLLBACK = "rollback", "Roll back"


class PublishRequest(AuditedModel):
    """A request that another person approves new terms. It is about one content only, named by its hash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=RequestKind.choices, default=RequestKind.PUBLISH)
    back_to = models.PositiveBigIntegerField(null=True)
    """Version whose terms a rollback brings back."""
    content_hash = models.CharField(max_length=HASH_CHARS)
    diff = models.JSONField(default=empty_list)
    """Sentences about the difference from the version in force at the time of the request."""
    comment = models.TextField(blank=True, max_length=2_000)
    at = models.DateTimeField(null=True)
    """Time from which the terms are to count; None for at once."""
    state = models.CharField(max_length=9, choices=RequestState.choices, default=RequestState.OPEN)
    requester_kind = models.CharField(max_length=10)
    requester_id = models.CharField(max_length=64)
    requester = models.CharField(max_length=254)
    created = models.DateTimeField(default=timezone.now, editable=False)
    decider = models.CharField(max_length=254, blank=True)
    decided = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True, max_length=2_000)
    version = models.PositiveBigIntegerField(null=True)
    """Version that the approval has made."""

    class Meta(AuditedModel.Meta):
        ordering = ["-created"]
        indexes = [models.Index(fields=["state", "created"], name="publish_request_by_state")]

    def __str__(self) -> str:
        return f"{self.get_kind_display().lower()} by {self.requester}"


class ProgramHead(models.Model):
    """Newest version; one row, locked while a version is made."""

    version = models.ForeignKey(ProgramVersion, on_delete=models.PROTECT, null=True)

    def __str__(self) -> str:
        return f"head at {self.version_id}"
