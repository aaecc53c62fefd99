"""Forms of offers, links, plans, coupons and approvals. Texts are read by the parsers of program files."""

import re
from collections.abc import Callable
from typing import Any, ClassVar

from django import forms

from control.accounts.actor import Actor
from control.console.forms.base import ListField, MapField, Section
from control.console.forms.lookups import GoalField, PartnerField
from control.program.access import visible_offers
from control.program.models import ApprovalStatus, Link, LinkStatus, Offer, OfferAccess, OfferStatus, Plan
from control.program.services.links import page_mistake
from control.program.validators import sub_mistakes
from program import fields
from program.to_toml import format_percent
from schemas.values.durations import format_duration, parse_duration_us
from schemas.values.money import format_minor


class ParsedField(forms.CharField):
    """Text that a parser of program files reads; its message is the mistake."""

    def __init__(self, parse: Callable[[str], Any], **options: Any) -> None:
        super().__init__(**options)
        self._parse = parse

    def clean(self, value: Any) -> Any:
        """Read the text; an empty one is None. Raises ValidationError."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return self._parse(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


def _zero_or_duration(text: str) -> int:
    return parse_duration_us(text, zero_allowed=True)


OFFER_SECTIONS = (
    Section("Offer", ("name", "landing_url", "allowed_hosts", "status", "access")),
    Section(
        "Goals and windows", ("goals", "click_window", "impression_window"),
        "What counts, and how long after a click. Changes count once they are published.",
    ),
    Section("For partners", ("description",), folded=True),
)  # fmt: skip


class OfferForm(forms.Form):
    """Fields of an offer."""

    row_fields: ClassVar[dict[str, str]] = {
        "click_window_us": "click_window", "impression_window_us": "impression_window"
    }  # fmt: skip

    name = forms.CharField(label="Name", max_length=200)
    landing_url = ParsedField(
        fields.landing_url,
        label="Landing page",
        max_length=2_048,
        widget=forms.TextInput(attrs={"placeholder": "https://shop.example/?cid={click_id}"}),
        help_text="Macros such as {click_id}, {partner_id} and {sub1} are filled in at each click.",
    )
    allowed_hosts = ListField(
        each=fields.host_pattern,
        label="Allowed hosts",
        required=False,
        help_text="Links may lead to these hosts too. Separated by commas; *.shop.example means all below it.",
    )
    status = forms.ChoiceField(
        label="Status",
        choices=[(OfferStatus.DRAFT.value, "Draft"), (OfferStatus.ACTIVE.value, "Active")],
        help_text="An active offer goes live with the next version that is published.",
        initial=OfferStatus.ACTIVE,
    )
    access = forms.ChoiceField(
        label="Who may promote it",
        widget=forms.RadioSelect,
        initial=OfferAccess.OPEN,
        choices=[
            (OfferAccess.OPEN.value, "Every partner"),
            (OfferAccess.APPROVAL.value, "Partners that we approve"),
            (OfferAccess.PRIVATE.value, "Partners that we pick"),
        ],
    )
    goals = MapField(
        label="Goals", help_text="A line for each, key: name. The postback names the key.", initial={"1": "Conversion"}
    )
    click_window = ParsedField(
        parse_duration_us, label="Click window", initial="30d", help_text="For example 30d or 12h."
    )
    impression_window = ParsedField(parse_duration_us, label="Impression window", initial="24h")
    description = forms.CharField(
        label="Description", required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 5})
    )

    def __init__(self, offer: Offer | None, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if offer is not None:
            del self.fields["status"]

    def values(self) -> dict[str, Any]:
        """Return what the service takes, without the status."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "landing_url": data["landing_url"],
            "allowed_hosts": data["allowed_hosts"],
            "access": data["access"],
            "description": data["description"],
            "goals": [{"key": key, "name": name} for key, name in data["goals"].items()],
            "click_window_us": data["click_window"],
            "impression_window_us": data["impression_window"],
        }


def initial_of_offer(offer: Offer) -> dict[str, Any]:
    """Return the values of an offer for its form."""
    plain = ("name", "landing_url", "allowed_hosts", "access", "description")
    return {
        **{name: getattr(offer, name) for name in plain},
        "goals": {goal["key"]: goal["name"] for goal in offer.goals},
        "click_window": format_duration(offer.click_window_us),
        "impression_window": format_duration(offer.impression_window_us),
    }


class OfferPartnerForm(forms.Form):
    """Offer and partner, of those that the actor may see."""

    offer = forms.ModelChoiceField(Offer.objects.none(), label="Offer", empty_label=None)
    partner = PartnerField()

    def __init__(self, actor: Actor, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        offer: Any = self.fields["offer"]
        partner: Any = self.fields["partner"]
        offer.queryset = visible_offers(actor).order_by("name")
        partner.use(actor)


class SubsField(MapField):
    """Subs of a link: a line for each, `sub1: text`."""

    def to_python(self, value: Any) -> Any:
        """Read the lines. Raises ValidationError with every wrong sub."""
        subs = super().to_python(value)
        mistakes = [f"{name} {message}" for name, message in sub_mistakes(subs)]
        if mistakes:
            raise forms.ValidationError(mistakes)
        return subs


class LinkPageForm(forms.Form):
    """Landing page and subs of a link, which may be of an offer that the form has as a field."""

    landing_url = ParsedField(
        fields.landing_url,
        label="Landing page",
        required=False,
        max_length=2_048,
        help_text="Instead of the offer's, with the same macros, on a host that the offer allows.",
    )
    subs = SubsField(
        label="Subs", required=False,
        help_text="A line for each, sub1: text. A visit gets these values for subs that it does not give.",
    )  # fmt: skip
    row_fields: ClassVar[dict[str, str]] = {f"subs.{name}": "subs" for name in fields.SUB_NAMES}

    def offer_of_page(self) -> Offer | None:
        """Return the offer of the link; None while a wrong one is chosen."""
        return self.cleaned_data.get("offer")

    def clean(self) -> Any:
        """Check the landing page against the hosts of the offer."""
        data, offer = super().clean(), self.offer_of_page()
        page = self.cleaned_data.get("landing_url")
        if page and offer is not None and (message := page_mistake(offer, page)):
            self.add_error("landing_url", message)
        return data


class LinkEditForm(LinkPageForm):
    """Fields of a link that can change."""

    status = forms.ChoiceField(label="Status", choices=LinkStatus.choices)

    def __init__(self, link: Link, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._link = link

    def offer_of_page(self) -> Offer | None:
        """Return the offer of the link."""
        return self._link.offer


LINK_SECTIONS = (
    Section("Link", ("offer", "partner", "code")),
    Section("Its own landing page and subs", ("landing_url", "subs"), folded=True),
)


class LinkForm(LinkPageForm, OfferPartnerForm):
    """Fields of a new link."""

    code = ParsedField(
        fields.link_code,
        label="Code",
        required=False,
        max_length=128,
        help_text="The last part of the link. Made up if you leave it empty.",
    )


PLAN_SECTIONS = (
    Section("Applies to", ("offer", "partner", "goal")),
    Section("Pays", ("percent", "fixed", "hold"), "A share of the sale, a fixed amount, or both."),
    Section("Attribution", ("model",), folded=True),
)


class PlanForm(OfferPartnerForm):
    """Fields of a plan."""

    row_fields: ClassVar[dict[str, str]] = {
        "percent_e6": "percent", "fixed_minor": "fixed", "fixed_currency": "fixed", "hold_us": "hold"
    }  # fmt: skip

    partner = PartnerField(required=False, help_text="Empty for all partners.")
    goal = GoalField()
    percent = ParsedField(fields.percent_e6, label="Percent of the sale", required=False, help_text="For example 8.5.")
    fixed = ParsedField(fields.fixed, label="Fixed amount", required=False, help_text="For example 12.50 USD.")
    hold = ParsedField(
        _zero_or_duration,
        label="Hold",
        required=False,
        help_text="Time before a commission may be paid, for example 30d.",
    )
    model = ParsedField(fields.model, label="Attribution model", initial="last_click")

    def __init__(self, actor: Actor, *arguments: Any, **options: Any) -> None:
        super().__init__(actor, *arguments, **options)
        offer: Any = self.fields["offer"]
        goal: Any = self.fields["goal"]
        number = str(self["offer"].value() or "")
        chosen = offer.queryset.filter(pk=int(number)).first() if re.fullmatch(r"[0-9]{1,10}", number) else None
        goal.use(offer.queryset, chosen or offer.queryset.first())

    def values(self) -> dict[str, Any]:
        """Return what the service takes; offer and partner are rows."""
        data = self.cleaned_data
        minor, currency = data["fixed"] or (0, "")
        return {
            "offer": data["offer"],
            "partner": data["partner"],
            "goal": data["goal"],
            "fixed_minor": minor,
            "fixed_currency": currency,
            "percent_e6": data["percent"] or 0,
            "hold_us": data["hold"] or 0,
            "model": data["model"],
        }


def initial_of_plan(plan: Plan) -> dict[str, Any]:
    """Return the values of a plan for its form."""
    fixed = f"{format_minor(plan.fixed_minor, plan.fixed_currency)} {plan.fixed_currency}" if plan.fixed_minor else ""
    return {
        "offer": plan.offer_id,
        "partner": plan.partner,
        "goal": plan.goal,
        "fixed": fixed,
        "model": plan.model,
        "percent": format_percent(plan.percent_e6) if plan.percent_e6 else "",
        "hold": format_duration(plan.hold_us) if plan.hold_us else "",
    }


class CouponForm(OfferPartnerForm):
    """Fields of a coupon."""

    code = ParsedField(
        fields.coupon_code, label="Code", max_length=64, help_text="Orders that name it are credited to the partner."
    )
    starts = forms.DateTimeField(
        label="Starts",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Empty: at once.",
    )
    ends = forms.DateTimeField(
        label="Ends",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Empty: never.",
    )
    field_order = ["code", "offer", "partner", "starts", "ends"]


class AccessForm(OfferPartnerForm):
    """Access of a partner to an offer, given without a request."""

    reason = forms.CharField(label="Reason", required=False, max_length=4_000, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, actor: Actor, *arguments: Any, **options: Any) -> None:
        super().__init__(actor, *arguments, **options)
        offer: Any = self.fields["offer"]
        offer.queryset = offer.queryset.exclude(access=OfferAccess.OPEN)
        offer.help_text = "Offers that every partner may promote need no access."


class DecideForm(forms.Form):
    """Decision about a partner's access to an offer."""

    status = forms.ChoiceField(
        label="Decision",
        widget=forms.RadioSelect,
        choices=[(ApprovalStatus.APPROVED.value, "Approve"), (ApprovalStatus.REJECTED.value, "Reject")],
    )
    reason = forms.CharField(label="Reason", required=False, max_length=4_000, widget=forms.Textarea(attrs={"rows": 3}))


class PublishForm(forms.Form):
    """Reason of a version."""

    reason = forms.CharField(
        label="Reason", required=False, max_length=2_000, help_text="The list of versions shows it."
    )


class AskToPublishForm(forms.Form):
    """Comment for the person who approves."""

    comment = forms.CharField(
        label="Comment", required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The person who approves reads it, and the list of versions shows it.",
    )  # fmt: skip


class DecisionForm(forms.Form):
    """Reason of a decision about a request."""

    reason = forms.CharField(
        label="Reason", required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Needed to decline. The person who asked reads it.",
    )  # fmt: skip
