"""Filters of statistics and conversions, as the address says them: period and offer."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from control.accounts.actor import Actor
from control.console.figures.filters import today, without
from control.console.figures.period import Period, read_period
from control.engine.answers import Filters
from control.program.access import visible_offers

_OFFERS_SHOWN_MAX = 500


def periods() -> dict[str, str]:
    """Return the names of periods."""
    return {
        "today": _("Today"), "yesterday": _("Yesterday"), "7d": _("7 days"), "30d": _("30 days"), "90d": _("90 days"),
        "month": _("This month"), "last-month": _("Last month"), "year": _("This year"), "all": _("All time"),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class OwnFilters:
    """Period and offer of a page of one partner."""

    request: HttpRequest
    partner: int
    period: Period
    today: date
    offers: list[tuple[int, str]]
    offer: int | None

    @property
    def period_text(self) -> str:
        """Write the period for people."""
        return self.period.text if self.period.key == "custom" else periods().get(self.period.key, self.period.text)

    def asked(self, values: dict[str, tuple[str, ...]] | None = None) -> Filters:
        """Return the filters as the engine takes them."""
        offers = (self.offer,) if self.offer is not None else None
        return Filters(self.period.from_, self.period.to, (self.partner,), offers, values or {})

    def period_select(self) -> dict[str, Any]:
        """Return the choice of the period."""
        options = [*periods().items()]
        if self.period.key not in periods():
            options.append(("", self.period.text))
        return {"name": "period", "label": _("Period"), "value": self.period.key, "options": options}

    def offer_select(self) -> dict[str, Any]:
        """Return the choice of the offer."""
        return {"name": "offer", "label": _("All offers"), "value": self.offer or "", "options": self.offers}

    def with_export(self) -> str:
        """Return the query of the page as a file."""
        query = without(self.request, "cursor").removeprefix("?")
        return f"?{query}{'&' if query else ''}{urlencode({'export': 'csv'})}"


def read_filters(request: HttpRequest, actor: Actor, default_period: str) -> OwnFilters:
    """Read the filters of an address. What is not valid there is left out."""
    assert actor.partner is not None
    offers = list(visible_offers(actor).order_by("name").values_list("number", "name")[:_OFFERS_SHOWN_MAX])
    text = request.GET.get("offer", "")
    offer = next((number for number, _name in offers if str(number) == text), None)
    day = today()
    return OwnFilters(request, actor.partner, read_period(request.GET, day, default_period), day, offers, offer)
