"""Filters that reports and conversions share, as the address says them: period, partner, offer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import urlencode

from control.accounts.actor import Actor
from control.console.figures.period import PRESETS, Period, read_period, today_in
from control.console.forms.lookups import PartnerField, partner_label
from control.engine.answers import Filters
from control.engine.zone import program_zone
from control.partners.models import Partner
from control.program.access import visible_offers
from control.program.models import Offer

_OFFERS_SHOWN_MAX = 500
_NUMBER_DIGITS_MAX = 10


@dataclass(frozen=True, slots=True)
class FigureFilters:
    """Period, partner and offer of a page."""

    period: Period
    today: date
    partner: Partner | None
    offer: Offer | None
    partner_text: str
    """Text of the partner's field, also if it names nobody."""
    mistake: str
    """Sentence about a partner that cannot be found; then nothing is asked."""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values to keep by further dimensions."""

    def asked(self) -> Filters:
        """Return the filters as the engine takes them."""
        return Filters(
            self.period.from_, self.period.to,
            (self.partner.number,) if self.partner is not None else None,
            (self.offer.number,) if self.offer is not None else None,
            self.values,
        )  # fmt: skip


def today() -> date:
    """Return the present day in the zone of the program."""
    return today_in(program_zone(), timezone.now())


def read_filters(request: HttpRequest, actor: Actor, default_period: str) -> FigureFilters:
    """Read the filters of an address. What is not valid there is left out, or is a mistake to show."""
    day, text, mistake = today(), request.GET.get("partner", ""), ""
    field = PartnerField(required=False)
    field.use(actor)
    partner = None
    try:
        partner = field.clean(text)
    except ValidationError as error:
        mistake = " ".join(error.messages)
    return FigureFilters(
        read_period(request.GET, day, default_period), day, partner, _offer(actor, request.GET.get("offer", "")),
        partner_label(partner) if partner is not None else text[:200].replace("\0", ""), mistake,
    )  # fmt: skip


def _offer(actor: Actor, text: str) -> Offer | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= _NUMBER_DIGITS_MAX
    return visible_offers(actor).filter(number=int(text)).first() if is_number else None


def bar_context(request: HttpRequest, actor: Actor, filters: FigureFilters) -> dict[str, object]:
    """Return what the bar of filters shows."""
    period = filters.period
    offers = visible_offers(actor).order_by("name").values_list("number", "name")[:_OFFERS_SHOWN_MAX]
    custom = period if period.key == "custom" else None
    return {
        "period_select": {
            "name": "period", "label": "Period", "value": period.key,
            "options": [*PRESETS.items(), *([("", period.text)] if custom else [])],
        },
        "offer_select": {
            "name": "offer", "label": "All offers", "options": list(offers),
            "value": filters.offer.number if filters.offer is not None else "",
        },
        "partner_text": filters.partner_text,
        "mistake": filters.mistake,
        "from": custom.first.isoformat() if custom and custom.first else "",
        "to": custom.last.isoformat() if custom and custom.last else "",
        "chips": _chips(request, filters),
    }  # fmt: skip


def _chips(request: HttpRequest, filters: FigureFilters) -> list[tuple[str, str]]:
    chips = []
    if filters.partner is not None:
        chips.append((f"Partner: {filters.partner}", without(request, "partner")))
    if filters.offer is not None:
        chips.append((f"Offer: {filters.offer}", without(request, "offer")))
    if filters.period.key == "custom":
        chips.append((f"Period: {filters.period.text}", without(request, "from", "to")))
    return chips


def without(request: HttpRequest, *names: str) -> str:
    """Return the query of the page without some values and without its place in the list."""
    gone = (*names, "page", "cursor", "export")
    left = [(name, str(value)) for name, value in request.GET.items() if name not in gone and value]
    return f"?{urlencode(left)}"
