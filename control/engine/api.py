"""API: reports, conversions and explanations, as the engine answers them for the one who asks."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field, field_validator

from control.accounts.actor import Actor
from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.lists import LIMIT_MAX
from control.api.money import Money
from control.engine import answers as engine
from control.engine.cursors import BAD_CURSOR, check_parameters, cursor_of, offset_of, place_of
from control.engine.dimensions import DIMENSIONS, DIMENSIONS_MAX, FILTERS, FILTERS_MAX, SUBS
from control.engine.names import Names, names_of_conversions, names_of_explanation, names_of_report
from control.engine.values import split_values
from control.errors import FieldError, Invalid, NotFound
from program.fields import GOAL_KEY_CHARS_MAX
from schemas.values.timestamps import rfc3339

reports, conversions, explanations = (Router(tags=[tag]) for tag in ("reports", "conversions", "explanations"))
_CONVERSION_ID = re.compile("[0-9a-f]{32}")
_NUMBER_MAX = 2**32 - 1
_NUMBERS_MAX = 100
_MONEY = ("revenue", "payout", "profit")


class _PeriodQuery(Schema):
    """Filters of all that the engine answers."""

    from_: str = Field("", alias="from", max_length=40, description="Start: a date in the program's zone, or RFC 3339.")
    to: str = Field("", max_length=40, description="End, which does not count itself.")
    partner: str = Field("", max_length=1_100, description="Numbers of partners, separated by commas.")
    offer: str = Field("", max_length=1_100, description="Numbers of offers, separated by commas.")
    limit: int = Field(50, ge=1, le=LIMIT_MAX, description="Most items of a page.")
    cursor: str = Field("", max_length=200, description="`next` of the page before.")

    @field_validator("partner", "offer")
    @classmethod
    def _are_numbers(cls, value: str) -> str:
        numbers_of(value)
        return value

    def filters(self) -> engine.Filters:
        """Return the filters as the engine takes them."""
        return engine.Filters(self.from_, self.to, numbers_of(self.partner), numbers_of(self.offer))


def numbers_of(text: str) -> tuple[int, ...] | None:
    """Read numbers that are separated by commas. Raises ValueError."""
    if not text:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > _NUMBERS_MAX or not all(part.isascii() and part.isdecimal() for part in parts):
        raise ValueError(f"must be at most {_NUMBERS_MAX} numbers, separated by commas")
    numbers = tuple(map(int, parts))
    if max(numbers) > _NUMBER_MAX:
        raise ValueError(f"must be at most {_NUMBER_MAX} each")
    return numbers


def _names(dimensions: Iterable[str]) -> str:
    """Name dimensions, the many subs in short."""
    return ", ".join([*(name for name in dimensions if name not in SUBS), "sub1 to sub30"])


class ReportQuery(_PeriodQuery):
    """Parameters of a report."""

    by: str = Field(
        "",
        max_length=100,
        description="At most three dimensions, separated by commas. The guide to reports lists them.",
    )
    filter: list[str] = Field(
        default_factory=list,
        max_length=FILTERS_MAX,
        description="Values to keep, such as `country=DE,FR`, once for each dimension. Of `kpi`.",
    )
    order: str = Field("", max_length=64, description="Column to order by; with - in front, descending.")


class ReportColumnOut(Schema):
    """A column of a report."""

    name: str
    unit: str
    formula: str


class ReportOut(Schema):
    """A page of a report."""

    report: str
    currency: str = Field(description="Currency of the program, in which counts and rates stand.")
    timezone: str = Field(description="Zone of days, months and hours.")
    total_rows: int
    columns: list[ReportColumnOut]
    items: list[dict[str, Any]] = Field(description="Rows: counts are numbers, amounts are money.")
    next: str | None


class ConversionQuery(_PeriodQuery):
    """Filters of conversions."""

    q: str = Field(
        "", max_length=200, description="Order number, click id, conversion id or, for operators, id of a customer."
    )
    status: Literal["", "pending", "hold", "approved", "declined"] = ""
    goal: str = Field("", max_length=GOAL_KEY_CHARS_MAX, description="Key of a goal.")


class ShareOut(Schema):
    """Share of a partner in a conversion."""

    partner: int = Field(description="0 is unattributed.")
    name: str
    share: float = Field(description="Part of 1, by the model that pays.")


class CommissionOut(Schema):
    """Net commission of a partner for a conversion."""

    partner: int
    amount: Money
    status: str = Field(description="pending, held or payable.")
    hold_until: datetime


class ConversionOut(Schema):
    """A conversion."""

    id: str
    time: datetime
    offer: int
    offer_name: str
    goal: str
    txn_id: str = Field(description="Order number.")
    click_id: str
    status: str
    amount: Money | None = Field(description="Null for partners, unless a setting shows them revenue.")
    refunded: Money | None = Field(description="Null for partners, unless a setting shows them revenue.")
    coupon: str
    shares: list[ShareOut]
    commissions: list[CommissionOut]


class ConversionPage(Schema):
    """Page of conversions."""

    items: list[ConversionOut]
    next: str | None


class ExplanationOut(Schema):
    """Explanation of a conversion, with the fields of `clew explain --json`."""

    conversion: dict[str, Any]
    adjustments: list[dict[str, Any]]
    state: dict[str, Any]
    problems: dict[str, str]
    touches: list[dict[str, Any]]
    models: list[dict[str, Any]]
    plans: list[dict[str, Any]]
    shares: list[dict[str, Any]]
    commissions: list[dict[str, Any]]
    ledger: list[dict[str, Any]]


@reports.get("/{name}", response=answers(ReportOut, errors=(404, 503)))
def get_report(request: HttpRequest, name: Literal["kpi", "rejected"], query: Query[ReportQuery]) -> dict[str, Any]:
    """Get a page of a report: `kpi` counts clicks, conversions and money, `rejected` refused hits."""
    check_parameters(request, query)
    by, filters = dimensions_of(name, query), filters_of(name, query)
    offset = offset_of(query.cursor)
    part = engine.Part(query.order, query.limit, offset)
    report = engine.report(actor_of(request), name, by, filters, part)
    names, end = names_of_report(report), offset + len(report.rows)
    return {
        "report": report.name,
        "currency": report.currency,
        "timezone": report.timezone,
        "total_rows": report.total_rows,
        "columns": [{"name": c.name, "unit": c.unit, "formula": c.formula} for c in report.columns],
        "items": [_report_row(row, names) for row in report.rows],
        "next": cursor_of(end) if end < report.total_rows else None,
    }


def dimensions_of(name: str, query: ReportQuery) -> list[str]:
    """Return the dimensions that a request asks for. Raises Invalid."""
    by = list(dict.fromkeys(part.strip() for part in query.by.split(",") if part.strip()))
    if unknown := sorted({*by} - {*DIMENSIONS[name]}):
        allowed = _names(DIMENSIONS[name]) if name == "kpi" else ", ".join(DIMENSIONS[name])
        raise Invalid(FieldError("by", f"cannot group by {', '.join(unknown)}; use {allowed}"))
    if len(by) > DIMENSIONS_MAX:
        raise Invalid(FieldError("by", f"has more than {DIMENSIONS_MAX} dimensions; leave some out"))
    return by


def filters_of(name: str, query: ReportQuery) -> engine.Filters:
    """Return the filters of a request. Raises Invalid."""
    if name != "kpi" and query.filter:
        raise Invalid(FieldError("filter", "is only for the report kpi; leave it out"))
    found: dict[str, tuple[str, ...]] = {}
    for text in query.filter:
        dimension, equals, values = text.partition("=")
        if not equals or dimension not in FILTERS:
            known = _names(FILTERS)
            raise Invalid(FieldError("filter", f"{text[:64]!r} is not DIMENSION=VALUE; dimensions are {known}"))
        found[dimension] = found.get(dimension, ()) + (split_values(values) or ("",))
    return replace(query.filters(), values=found)


def _report_row(row: engine.Row, names: Names) -> dict[str, Any]:
    shown = {key: value for key, value in row.items() if key not in _MONEY}
    if "partner" in shown:
        shown["partner"] = names.partner(row["partner_id"], row["partner"]) or None
    if "offer" in shown:
        shown["offer"] = names.offer(row["offer_id"], row["offer"]) or None
    return shown | {key: {"amount": row[key], "currency": row["currency"]} for key in _MONEY if key in row}


@conversions.get("", response=answers(ConversionPage, errors=(404, 503)))
def list_conversions(request: HttpRequest, query: Query[ConversionQuery]) -> dict[str, Any]:
    """List conversions, newest first."""
    check_parameters(request, query)
    asked = engine.ConversionQuery(
        query.filters(), query.status, query.q.strip(), goal=query.goal, after=after_of(query.cursor),
        limit=query.limit + 1,
    )  # fmt: skip
    found = engine.conversions(actor_of(request), asked)
    shown, names = found[: query.limit], names_of_conversions(found)
    more = len(found) > query.limit
    return {
        "items": [_conversion(row, names) for row in shown],
        "next": cursor_of([shown[-1]["at_us"], shown[-1]["conversion_id"]]) if more else None,
    }


@conversions.get("/{conversion_id}", response=answers(ConversionOut, errors=(404, 503)))
def get_conversion(request: HttpRequest, conversion_id: str) -> ConversionOut:
    """Get one conversion."""
    row = engine.conversion(_reader(request), checked_id(conversion_id))
    return _conversion(row, names_of_conversions([row]))


@explanations.get("/{conversion_id}", response=answers(ExplanationOut, errors=(404, 503)))
def get_explanation(request: HttpRequest, conversion_id: str) -> dict[str, Any]:
    """Get the explanation of a conversion: its touches, who was considered and why not, the plan, and each cent."""
    actor = _reader(request)
    found = engine.explanation(actor, checked_id(conversion_id))
    names = names_of_explanation(found)
    lists = {name: found.get(name, []) for name in ("touches", "models", "plans", "shares", "commissions", "ledger")}
    touches = [{**touch, "partner": names.partner(touch["partner_id"], touch["partner"])} for touch in lists["touches"]]
    return {**found, **lists, "touches": touches}


def checked_id(conversion_id: str) -> str:
    """Return the id of a conversion in its usual form. Raises NotFound."""
    text = conversion_id.lower()
    if _CONVERSION_ID.fullmatch(text) is None:
        raise NotFound("there is no such conversion; its id has 32 hex digits")
    return text


def _reader(request: HttpRequest) -> Actor:
    """Return the actor. Raises Forbidden before an id is looked at."""
    actor = actor_of(request)
    actor.require(Area.REPORTS, Action.READ)
    return actor


def _conversion(row: dict[str, Any], names: Names) -> ConversionOut:
    amounts = {
        name: Money(amount=row[name], currency=row["currency"]) if name in row else None
        for name in ("amount", "refunded")
    }
    return ConversionOut(
        id=row["conversion_id"], time=datetime.fromisoformat(rfc3339(row["at_us"])), offer=row["offer_id"],
        offer_name=names.offer(row["offer_id"]), coupon=row.get("coupon", ""),
        shares=[
            ShareOut(partner=share["partner_id"], name=names.partner(share["partner_id"]), share=share["weight"])
            for share in row["shares"]
        ],
        commissions=[
            CommissionOut(
                partner=paid["partner_id"], amount=Money(amount=paid["amount"], currency=paid["currency"]),
                status=paid["status"], hold_until=datetime.fromisoformat(paid["hold_until"]),
            )
            for paid in row["commissions"]
        ],
        amount=amounts["amount"], refunded=amounts["refunded"],
        **{name: row[name] for name in ("goal", "txn_id", "click_id", "status")},
    )  # fmt: skip


def after_of(cursor: str) -> tuple[int, str] | None:
    """Read the cursor of a list of conversions. Raises Invalid."""
    if not cursor:
        return None
    match place_of(cursor):
        case [int(at_us), str(conversion_id)] if abs(at_us) < 2**62 and _CONVERSION_ID.fullmatch(conversion_id):
            return at_us, conversion_id
    raise Invalid(BAD_CURSOR)
