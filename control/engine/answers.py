"""Requests to the engine and their answers, typed. Each takes the actor and asks only for what the actor may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area, Limit
from control.engine.client import engine_client
from control.engine.scope import Scope, scope_of
from control.errors import Forbidden, NotFound
from control.partners.access import sees_all

Row = Mapping[str, Any]
"""Row of a report: money is decimal text, counts are numbers, rates are numbers or None."""


@dataclass(frozen=True, slots=True)
class Column:
    """Column of a report."""

    name: str
    unit: str
    formula: str


@dataclass(frozen=True, slots=True)
class Report:
    """Report of the engine, or a part of its rows."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total_rows: int
    currency: str
    """Currency of the program: the first row of each group has it."""
    timezone: str
    """Zone of days, months and hours."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Period [from, to) in the program's zone, partners and offers; what is left out does not limit."""

    from_: str = ""
    """Date or RFC 3339 time."""
    to: str = ""
    partners: tuple[int, ...] | None = None
    offers: tuple[int, ...] | None = None
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values to keep by further dimensions; reports only."""

    def fields(self) -> dict[str, Any]:
        """Return them as fields of a request; partners belong to its scope."""
        offers = list(self.offers) if self.offers is not None else None
        return {"from": self.from_ or None, "to": self.to or None, "offers": offers}


@dataclass(frozen=True, slots=True)
class Part:
    """Part of the rows of a report, and their order."""

    order: str = ""
    """Column, with - in front for the largest first."""
    limit: int | None = None
    offset: int = 0


EVERYTHING = Part()


@dataclass(frozen=True, slots=True)
class ConversionQuery:
    """Conversions that are asked for, newest first."""

    filters: Filters = Filters()
    status: str = ""
    q: str = ""
    """Order number, click id or conversion id, exactly."""
    conversion_id: str = ""
    goal: str = ""
    after: tuple[int, str] | None = None
    """Time in µs and id of the last conversion of the page before."""
    limit: int = 50


def report(
    actor: Actor, name: str, by: Sequence[str], filters: Filters | None = None, part: Part = EVERYTHING
) -> Report:
    """Return a report, `kpi` or `rejected`. Raises Forbidden, Invalid, NotFound, Unavailable."""
    filters = filters or Filters()
    fields = {
        "name": name,
        "by": ",".join(by) or None,
        **filters.fields(),
        "filters": {name: list(values) for name, values in filters.values.items()} or None,
        "order": part.order or None,
        "limit": part.limit,
        "offset": part.offset or None,
    }
    answer = engine_client().ask("report", fields, scope_of(actor).narrowed(filters.partners))
    columns = tuple(Column(**column) for column in answer["columns"])
    rows, total = tuple(answer["rows"]), answer["total_rows"]
    return Report(answer["report"], columns, rows, total, answer["currency"], answer["timezone"])


def conversions(actor: Actor, query: ConversionQuery) -> list[dict[str, Any]]:
    """Return conversions. Raises Forbidden, Invalid, Unavailable."""
    fields = {
        **query.filters.fields(),
        "status": query.status or None,
        "goal": query.goal or None,
        "q": query.q or None,
        "conversion_id": query.conversion_id or None,
        "personal": sees_personal_data(actor) or None,
        "after": query.after,
        "limit": query.limit,
    }
    scope = scope_of(actor).narrowed(query.filters.partners)
    found: list[dict[str, Any]] = engine_client().ask("conversions", fields, scope)["conversions"]
    return found


def conversion(actor: Actor, conversion_id: str) -> dict[str, Any]:
    """Return one conversion. Raises Forbidden, Invalid, NotFound, Unavailable."""
    found = conversions(actor, ConversionQuery(conversion_id=conversion_id))
    if not found:
        raise NotFound(f"there is no conversion {conversion_id}")
    return found[0]


def balances(
    actor: Actor, partners: tuple[int, ...] | None = None, limit: int | None = None, offset: int = 0
) -> list[Row]:
    """Return pending, held and payable commissions, a row for each partner and currency, by partner.

    Raises Forbidden, Unavailable.
    """
    fields = {"limit": limit, "offset": offset or None}
    found: list[Row] = engine_client().ask("balances", fields, scope_of(actor).narrowed(partners))["balances"]
    return found


def sees_personal_data(actor: Actor) -> bool:
    """Return whether the actor may see and search personal data of conversions."""
    return actor.is_operator and not actor.is_limited(Area.REPORTS, Limit.IMPERSONAL)


def explanation(actor: Actor, conversion_id: str) -> dict[str, Any]:
    """Return the explanation of a conversion. Raises Forbidden, NotFound, Unavailable."""
    return engine_client().ask("explain", {"conversion_id": conversion_id}, scope_of(actor))


def problems(actor: Actor) -> list[dict[str, str]]:
    """Return conversions that could not be handled: conversion_id, code, detail, ts. Raises Forbidden, Unavailable."""
    _require_all_partners(actor)
    found: list[dict[str, str]] = engine_client().ask("problems", {}, Scope())["problems"]
    return found


def query(actor: Actor, sql: str) -> list[dict[str, Any]]:
    """Return rows of a SELECT over the analysts' views (docs/reference/tables.md).

    Never put a value of a person into the text. Raises Forbidden, Invalid, Unavailable.
    """
    _require_all_partners(actor)
    rows: list[dict[str, Any]] = engine_client().ask("sql", {"sql": sql}, Scope())["rows"]
    return rows


def _require_all_partners(actor: Actor) -> None:
    """Check that the actor is an operator who sees all partners. Raises Forbidden."""
    actor.require(Area.REPORTS, Action.READ)
    if not sees_all(actor, Area.REPORTS):
        raise Forbidden("this is for people who see all partners")
