"""Hits as rows of a table: names of offers and partners, verdicts as badges, times of one day without the date."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.partners.access import visible_partners
from control.program.access import visible_offers
from control.ui.states import state_text
from control.ui.table import Cell, Column, Row, Table, Tone

KINDS = [
    ("click", "Clicks"), ("impression", "Impressions"), ("conversion", "Conversions"), ("adjustment", "Changes"),
    ("event", "Lines of events"),
]  # fmt: skip
VERDICTS = [("accepted", "Accepted"), ("bot", "Bot"), ("rejected", "Rejected")]
_TONES: Mapping[str, Tone] = {"accepted": "good", "bot": "warn", "rejected": "bad"}
_KIND_NAMES = {
    "click": "Click", "impression": "Impression", "conversion": "Conversion", "adjustment": "Change of a conversion",
    "event": "Line of events",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Names:
    """Names of the offers and partners that an actor may see."""

    offers: Mapping[int, str]
    partners: Mapping[int, str]

    def offer(self, number: int) -> Cell:
        """Return the cell of an offer; its number if it has no name here."""
        if number in self.offers:
            return Cell(self.offers[number], href=reverse("console_offer", args=[number]))
        return Cell(f"Offer {number}" if number else "")

    def partner(self, number: int) -> Cell:
        """Return the cell of a partner; its number if it has no name here."""
        if number in self.partners:
            return Cell(self.partners[number], href=reverse("console_partner", args=[number]))
        return Cell(f"Partner {number}" if number else "")


def names_of(actor: Actor, hits: Iterable[Mapping[str, Any]]) -> Names:
    """Return the names of the offers and partners of some hits."""
    offers = {hit["offer_id"] for hit in hits if hit["offer_id"]}
    partners = {hit["partner_id"] for hit in hits if hit["partner_id"]}
    may_see = actor.may(Area.PARTNERS, Action.READ)
    named = visible_partners(actor).filter(number__in=partners) if may_see and partners else ()
    return Names(
        dict(visible_offers(actor).filter(number__in=offers).values_list("number", "name")) if offers else {},
        {row.number: row.name for row in named},
    )


def hit_table(actor: Actor, hits: Sequence[Mapping[str, Any]]) -> Table:
    """Return the table of live hits."""
    names = names_of(actor, hits)
    columns = [Column(label) for label in ("Hit", "Verdict", "What", "Offer", "Partner")]
    return Table("Incoming hits", columns, [Row(_cells(hit, names), name=hit["ts"]) for hit in hits])


def _cells(hit: Mapping[str, Any], names: Names) -> list[Cell | str]:
    return [
        Cell(kind_text(hit["kind"]), note=f"{time_text(hit['ts'])} UTC"),
        verdict_cell(hit),
        _what(hit),
        names.offer(hit["offer_id"]),
        names.partner(hit["partner_id"]),
    ]


def verdict_cell(hit: Mapping[str, Any]) -> Cell:
    """Return the verdict of a hit; of a rejected one the reason."""
    verdict = str(hit["verdict"])
    if verdict != "rejected":
        return Cell(state_text(verdict), badge=_TONES.get(verdict, "neutral"))
    field = hit.get("field", "")
    return Cell(state_text(hit["reason"]), note=f"field {field}" if field else "", badge="bad")


def _what(hit: Mapping[str, Any]) -> Cell:
    """Return what a person knows the hit by: the link, or the order with its amount and status."""
    if hit["kind"] in ("conversion", "adjustment") and hit["verdict"] != "rejected":
        amount = f"{hit['amount']} {hit['currency']}" if hit.get("amount") else ""
        facts = ", ".join(text for text in (amount, hit.get("status", "")) if text)
        return Cell(f"Order {hit['txn_id']}" if hit.get("txn_id") else facts, note=facts if hit.get("txn_id") else "")
    detail = str(hit.get("detail", ""))[:200]
    sender = ", ".join(hit[name] for name in ("browser", "device", "country") if hit.get(name))
    if hit.get("link"):
        return Cell(str(hit["link"]), note=sender or detail, code=True)
    return Cell(f"{detail[:1].upper()}{detail[1:]}")


def kind_text(kind: str) -> str:
    """Return the name of a kind of hit."""
    return _KIND_NAMES.get(kind, kind)


def time_text(ts: str) -> str:
    """Return a time to the second; without the date if it is of today."""
    moment = datetime.fromisoformat(ts)
    return moment.strftime("%H:%M:%S" if moment.date() == timezone.now().date() else "%d %b, %H:%M:%S")
