"""Candidates for a lead, read from the tables."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import Count, Q

from control.leads.models import Lead, LeadOffer, LeadRouting
from control.leads.routing import Candidate, Choice, Group, Record, choices
from control.leads.states import HELD, Answer, LeadState
from control.partners.models import Partner
from control.partners.states import PartnerStatus
from control.territories.matching import Point
from control.territories.models import Territory
from control.territories.selectors import territories_at

_KEY = 1
_MISSED = (Answer.DECLINED, Answer.LATE, Answer.RECLAIMED)


def lead_routing() -> LeadRouting:
    """Return the settings; defaults if nobody has changed them."""
    return LeadRouting.objects.filter(pk=_KEY).first() or LeadRouting(pk=_KEY)


def ways_of(point: Point, asked: list[int], routing: LeadRouting, now: datetime) -> list[Choice]:
    """Return the partners whom a lead would be offered to, in order."""
    return choices(_groups(point, routing, now), asked, routing.max_open)


def asked_partners(lead: Lead) -> list[int]:
    """Return the partners whom a lead was offered to."""
    return list(LeadOffer.objects.filter(lead=lead).values_list("partner", flat=True))


def _groups(point: Point, routing: LeadRouting, now: datetime) -> list[Group]:
    rows = territories_at(point, now)
    entries = [(str(row.pk), row.name, _weights(row), row.winners) for row in rows if not row.catch_all]
    entries.append(("", "", {int(number): weight for number, weight in routing.pool.items()}, len(routing.pool)))
    entries += [(str(row.pk), row.name, _weights(row), row.winners) for row in rows if row.catch_all]
    records = _records({number for _, _, weights, _ in entries for number in weights})
    return [Group(key, name, _candidates(weights, records), winners) for key, name, weights, winners in entries]


def _weights(row: Territory) -> dict[int, int]:
    return {owner.partner_id: owner.weight for owner in row.owners.all()}


def _candidates(weights: Mapping[int, int], records: Mapping[int, Record]) -> list[Candidate]:
    return [Candidate(number, weight, records[number]) for number, weight in weights.items() if number in records]


def _records(numbers: Iterable[int]) -> dict[int, Record]:
    """Return the records of those partners who may get leads: the active ones."""
    active = list(
        Partner.objects.filter(number__in=numbers, status=PartnerStatus.ACTIVE).values_list("number", flat=True)
    )
    offers = {
        row["partner"]: row
        for row in LeadOffer.objects.filter(partner__in=active).order_by().values("partner").annotate(
            offered=Count("pk"),
            missed=Count("pk", filter=Q(answer__in=_MISSED)),
            waiting=Count("pk", filter=Q(answer=Answer.WAITING)),
        )
    }  # fmt: skip
    leads = {
        row["partner"]: row
        for row in Lead.objects.filter(partner__in=active).order_by().values("partner").annotate(
            won=Count("pk", filter=Q(state=LeadState.WON)), lost=Count("pk", filter=Q(state=LeadState.LOST)),
            held=Count("pk", filter=Q(state__in=HELD)),
        )
    }  # fmt: skip
    none: dict[str, int] = {}
    found = {}
    for number in active:
        asked, own = offers.get(number, none), leads.get(number, none)
        found[number] = Record(
            asked.get("offered", 0), asked.get("waiting", 0) + own.get("held", 0), own.get("won", 0),
            asked.get("missed", 0) + own.get("lost", 0),
        )  # fmt: skip
    return found
