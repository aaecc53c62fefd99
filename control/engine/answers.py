"""Requests to the engine and their answers, typed. Each takes the actor and asks only for what the actor may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.engine.client import engine_client
from control.engine.scope import Scope, scope_of
from control.errors import Forbidden
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
    """Report of the engine."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """Time [from, to) of a report: dates or RFC 3339 times, in the program's zone; empty ends are open."""

    from_: str = ""
    to: str = ""


def report(
    actor: Actor,
    name: str,
    by: Sequence[str],
    period: Period,
    partners: tuple[int, ...] | None = None,
    offers: tuple[int, ...] | None = None,
) -> Report:
    """Return a report, `kpi` or `rejected`. Raises Forbidden, Invalid, NotFound, Unavailable."""
    fields = {
        "name": name,
        "by": ",".join(by) or None,
        "from": period.from_ or None,
        "to": period.to or None,
        "offers": list(offers) if offers is not None else None,
    }
    answer = engine_client().ask("report", fields, scope_of(actor).narrowed(partners))
    return Report(answer["report"], tuple(Column(**column) for column in answer["columns"]), tuple(answer["rows"]))


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
