"""API: hits as they come in, rejected hits by reason, problems of conversions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from control.accounts.middleware import actor_of
from control.api.answers import answers
from control.api.lists import LIMIT_MAX
from control.api.money import Money
from control.engine.cursors import BAD_CURSOR, check_parameters, cursor_of, offset_of, place_of
from control.engine.hit_texts import meaning
from control.engine.hits import Hit, HitFilter, problems_by_code, recent_hits, rejected_by_reason, rejected_examples
from control.engine.names import Names, find_names
from control.errors import Invalid
from schemas.reasons import Problem, Reason
from schemas.values.currencies import DECIMALS

hits, rejected_hits, problems = (Router(tags=[tag]) for tag in ("hits", "rejected-hits", "problems"))
NUMBER_MAX = 2**32 - 1
EXAMPLES_MAX = 100
Kind = Literal["", "click", "impression", "conversion", "adjustment", "event"]


class _Page(Schema):
    """Parameters of all lists here."""

    limit: int = Field(50, ge=1, le=LIMIT_MAX, description="Most items of a page.")
    cursor: str = Field("", max_length=200, description="`next` of the page before.")


class _HitQuery(_Page):
    """Filters of hits."""

    kind: Kind = Field("", description="One kind only.")
    offer: int = Field(0, ge=0, le=NUMBER_MAX, description="Number of an offer.")
    partner: int = Field(0, ge=0, le=NUMBER_MAX, description="Number of a partner.")

    def wanted(self) -> HitFilter:
        """Return the filters as the engine takes them."""
        return HitFilter(kind=self.kind, offer=self.offer or None, partner=self.partner or None)


class HitQuery(_HitQuery):
    """Filters of live hits."""

    verdict: Literal["", "accepted", "bot", "rejected"] = Field("", description="One verdict only.")


class RejectedQuery(_HitQuery):
    """Filters of rejected hits."""

    from_: str = Field("", alias="from", max_length=40, description="Start: a date in the program's zone, or RFC 3339.")
    to: str = Field("", max_length=40, description="End, which does not count itself.")

    def wanted(self) -> HitFilter:
        return replace(super().wanted(), from_=self.from_, to=self.to)


class ProblemQuery(_Page):
    """Parameters of problems."""

    examples: int = Field(10, ge=1, le=EXAMPLES_MAX, description="Most examples of each problem.")


class HitOut(Schema):
    """A hit. Texts that it does not have are empty."""

    time: datetime
    kind: str
    verdict: str = Field(description="accepted, bot or rejected.")
    reason: str = Field(description="Reason of a rejected hit; /rejected-hits has its meaning and the fix.")
    field: str = Field(description="Parameter that was wrong.")
    detail: str = Field(description="What was wrong. Partners do not see it for postbacks.")
    id: str = Field(description="Id of the click, the impression or the conversion.")
    link: str
    offer: int = Field(description="0 without an offer.")
    offer_name: str
    partner: int = Field(description="0 without a partner.")
    partner_name: str
    country: str
    device: str
    browser: str
    txn_id: str = Field(description="Order number.")
    status: str
    amount: Money | None = Field(description="Null for partners, unless a setting shows them revenue.")


class HitPage(Schema):
    """Page of hits."""

    items: list[HitOut]
    next: str | None


class RejectedReasonOut(Schema):
    """Rejected hits of one reason."""

    reason: str
    meaning: str
    fix: str
    hits: int
    by_day: dict[str, int] = Field(description="Hits of each day of the program's zone that has some.")
    kinds: list[str]
    fields: list[str] = Field(description="Parameters that were wrong, the most frequent first.")
    partners: int = Field(description="Number of partners whose hits they are.")
    last: datetime = Field(description="Time of the newest one.")


class RejectedReasonPage(Schema):
    """Reasons, the most frequent first."""

    items: list[RejectedReasonOut]
    next: str | None


class RejectedHitOut(Schema):
    """A rejected hit."""

    time: datetime
    kind: str
    field: str
    detail: str = Field(description="What was wrong. Partners do not see it for postbacks.")
    link: str
    method: str
    path: str
    sent: dict[str, str] = Field(description="Parameters without secrets; empty if you may not see personal data.")
    offer: int
    offer_name: str
    partner: int
    partner_name: str


class RejectedHitPage(Schema):
    """Page of rejected hits of one reason."""

    items: list[RejectedHitOut]
    next: str | None


class ProblemExampleOut(Schema):
    """A conversion with a problem."""

    conversion_id: str
    time: datetime
    detail: str


class ConversionProblemOut(Schema):
    """Conversions with one kind of problem."""

    code: str
    meaning: str
    fix: str
    count: int
    examples: list[ProblemExampleOut] = Field(description="The newest ones.")


class ConversionProblemPage(Schema):
    """Kinds of problems, the most frequent first."""

    items: list[ConversionProblemOut]
    next: str | None


@hits.get("", response=answers(HitPage, errors=(503,)))
def list_hits(request: HttpRequest, query: Query[HitQuery]) -> dict[str, Any]:
    """List hits with their verdicts, newest first, as far as seven days back. Repeats are not listed."""
    check_parameters(request, query)
    actor, wanted = actor_of(request), replace(query.wanted(), verdict=query.verdict)

    def find(rows_max: int, before: str) -> Sequence[Hit]:
        return recent_hits(actor, wanted, rows_max, before).hits

    shown, after = _by_time(query, find)
    names = _names_of(shown)
    return {"items": [_hit(hit, names) for hit in shown], "next": after}


@rejected_hits.get("", response=answers(RejectedReasonPage, errors=(503,)))
def list_reasons(request: HttpRequest, query: Query[RejectedQuery]) -> dict[str, Any]:
    """List the reasons of rejected hits of a period, the most frequent first, each with the fix."""
    check_parameters(request, query)
    found = rejected_by_reason(actor_of(request), query.wanted())
    items = []
    for row in found:
        means, fix = meaning(row["reason"], Reason)
        items.append({**row, "meaning": means, "fix": fix})
    return _sliced(items, query)


@rejected_hits.get("/{reason}/examples", response=answers(RejectedHitPage, errors=(503,)))
def list_examples(request: HttpRequest, reason: str, query: Query[RejectedQuery]) -> dict[str, Any]:
    """List the rejected hits of one reason, newest first."""
    check_parameters(request, query)
    actor, wanted = actor_of(request), query.wanted()

    def find(rows_max: int, before: str) -> Sequence[Hit]:
        return rejected_examples(actor, reason[:64], replace(wanted, to=before or wanted.to), rows_max)

    shown, after = _by_time(query, find)
    names = _names_of(shown)
    return {"items": [{**hit, **_places(hit, names), "time": hit["ts"]} for hit in shown], "next": after}


@problems.get("", response=answers(ConversionProblemPage, errors=(503,)))
def list_problems(request: HttpRequest, query: Query[ProblemQuery]) -> dict[str, Any]:
    """List kinds of problems of conversions, each with the fix. For operators only."""
    check_parameters(request, query)
    items = []
    for row in problems_by_code(actor_of(request), query.examples):
        means, fix = meaning(row["code"], Problem)
        examples = [{**one, "time": one["ts"]} for one in row["examples"]]
        items.append({**row, "examples": examples, "meaning": means, "fix": fix})
    return _sliced(items, query)


def _by_time(query: _Page, find: Callable[[int, str], Sequence[Hit]]) -> tuple[Sequence[Hit], str | None]:
    """Return one page of hits, and the cursor of the next one.

    A cursor is the time of the last hit, and how many hits of this time were shown: several may have the same.
    """
    start, skip = _place(query.cursor) if query.cursor else (None, 0)
    before = _text(start + timedelta(microseconds=1)) if start is not None else ""
    found = find(query.limit + skip + 1, before)[skip:]
    shown = found[: query.limit]
    if len(found) <= query.limit:
        return shown, None
    last = shown[-1]["ts"]
    of_last = sum(hit["ts"] == last for hit in shown)
    if start is not None and last == _text(start):
        of_last += skip
    return shown, cursor_of([last, min(of_last, LIMIT_MAX)])


def _place(cursor: str) -> tuple[datetime, int]:
    """Read the cursor of a list by time. Raises Invalid."""
    match place_of(cursor):
        case [str(text), int(skip)] if 0 < skip <= LIMIT_MAX and text.endswith("Z"):
            try:
                time = datetime.fromisoformat(text)
                if time.year < 9999:
                    return time, skip
            except ValueError:
                pass
    raise Invalid(BAD_CURSOR)


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}Z"


def _sliced(items: Sequence[Mapping[str, Any]], query: _Page) -> dict[str, Any]:
    """Return one page of a short list."""
    start = offset_of(query.cursor)
    end = start + query.limit
    return {"items": items[start:end], "next": cursor_of(end) if end < len(items) else None}


def _names_of(found: Sequence[Hit]) -> Names:
    return find_names([hit["partner_id"] for hit in found], [hit["offer_id"] for hit in found])


def _places(hit: Hit, names: Names) -> dict[str, Any]:
    offer, partner = hit["offer_id"], hit["partner_id"]
    return {
        "offer": offer, "offer_name": names.offer(offer), "partner": partner,
        "partner_name": names.partner(partner) if partner else "",
    }  # fmt: skip


_TEXTS = ("reason", "field", "detail", "id", "link", "country", "device", "browser", "txn_id", "status")


def _hit(hit: Hit, names: Names) -> dict[str, Any]:
    texts = {name: hit.get(name, "") for name in _TEXTS}
    amount = money_of(hit["amount"], hit["currency"]) if hit.get("amount") else None
    return {
        **texts, **_places(hit, names), "time": hit["ts"], "kind": hit["kind"], "verdict": hit["verdict"],
        "amount": amount,
    }  # fmt: skip


def money_of(amount: str, currency: str) -> Money:
    """Return an amount of the engine with all decimals of its currency."""
    whole, _, part = amount.partition(".")
    digits = DECIMALS.get(currency, 0)
    part = part.ljust(digits, "0")
    return Money(amount=f"{whole}.{part}" if part else whole, currency=currency)
