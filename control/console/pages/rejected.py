"""Rejected hits by reason, and problems by code: how many, since when, examples, and what to do about each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse

from control.accounts.actor import Actor
from control.accounts.roles import Area, Limit
from control.console.access import page
from control.console.figures.filters import today
from control.console.hit_rows import Names, kind_text, names_of, time_text
from control.console.pages.hits import filter_context, filter_of, sentence
from control.engine.hit_texts import meaning
from control.engine.hits import HitFilter, problems_by_code, rejected_by_reason, rejected_examples
from control.errors import Invalid, NotFound, Unavailable
from control.ui.formats import count_text
from control.ui.states import state_text
from control.ui.table import Cell, Column, Row, Table
from schemas.reasons import Problem, Reason

EXAMPLES = 20
SENT_CHARS_MAX = 400
PERIODS = ((1, "Today"), (7, "7 days"), (30, "30 days"), (90, "90 days"))
_DAYS = 7


@page(Area.REPORTS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show rejected hits by reason, the most frequent first, each with what to do."""
    wanted, days = filter_of(request), _days(request)
    rows: Sequence[Mapping[str, Any]] = ()
    trouble = ""
    try:
        rows = rejected_by_reason(actor, replace(wanted, from_=_first_day(days).isoformat()))
    except (Unavailable, Invalid, NotFound) as error:
        trouble = sentence(error)
    shared = filter_context(request, actor, wanted, days=str(days) if days != _DAYS else "")
    context = {
        "title": "Rejected hits",
        "reasons": [_reason(row, days, shared["filters"]) for row in rows],
        "count": _count(sum(row["hits"] for row in rows), "rejected hit"),
        "trouble": trouble,
        "periods": _periods(wanted, days),
        "days": days,
        **{name: value for name, value in shared.items() if name != "verdict_select"},
    }
    return render(request, "console/rejected.html", context)


@page(Area.REPORTS)
def reason(request: HttpRequest, actor: Actor, word: str) -> HttpResponse:
    """Show the newest rejected hits of a reason."""
    wanted, days = filter_of(request), _days(request)
    found: Sequence[Mapping[str, Any]] = ()
    trouble = ""
    try:
        found = rejected_examples(actor, word, replace(wanted, from_=_first_day(days).isoformat()), EXAMPLES)
    except (Unavailable, Invalid, NotFound) as error:
        trouble = sentence(error)
    means, fix = meaning(word, Reason)
    context = {
        "title": state_text(word),
        "means": means,
        "fix": fix,
        "crumbs": [("Rejected hits", f"{reverse('console_rejected')}?{_query(wanted, days)}")],
        "table": _examples(found, names_of(actor, found)),
        "is_impersonal": actor.is_limited(Area.REPORTS, Limit.IMPERSONAL),
        "trouble": trouble,
    }
    return render(request, "console/rejected_reason.html", context)


@page(Area.REPORTS)
def problems(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show conversions that could not be handled, by the kind of problem."""
    rows: Sequence[Mapping[str, Any]] = ()
    trouble = ""
    try:
        rows = problems_by_code(actor, EXAMPLES)
    except (Unavailable, NotFound) as error:
        trouble = sentence(error)
    context = {
        "title": "Problems",
        "problems": [_problem(row) for row in rows],
        "count": _count(sum(row["count"] for row in rows), "problem"),
        "trouble": trouble,
    }
    return render(request, "console/problems.html", context)


def _days(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return int(asked) if asked in {str(days) for days, _ in PERIODS} else _DAYS


def _first_day(days: int) -> date:
    """Return the first of some days, the last of which is the present day in the program's zone."""
    return today() - timedelta(days=days - 1)


def _query(wanted: HitFilter, days: int) -> str:
    kept = {"kind": wanted.kind, "offer": wanted.offer, "partner": wanted.partner, "days": days}
    return urlencode({name: value for name, value in kept.items() if value})


def _periods(wanted: HitFilter, days: int) -> list[dict[str, object]]:
    return [
        {"label": label, "href": f"?{_query(wanted, choice)}", "current": choice == days} for choice, label in PERIODS
    ]


def _count(number: int, noun: str) -> str:
    return f"{count_text(number)} {noun}{'' if number == 1 else 's'}"


def _reason(row: Mapping[str, Any], days: int, filters: str) -> dict[str, object]:
    means, fix = meaning(row["reason"], Reason)
    first = _first_day(days)
    by_day = [row["by_day"].get((first + timedelta(days=day)).isoformat(), 0) for day in range(days)]
    address = reverse("console_rejected_reason", args=[row["reason"]])
    facts = [
        ("Kinds", ", ".join(kind_text(kind) for kind in row["kinds"])),
        ("Fields", ", ".join(row["fields"])),
        ("Partners", count_text(row["partners"]) if row["partners"] else ""),
        ("Last", f"{time_text(row['last'])} UTC"),
    ]
    return {
        "title": state_text(row["reason"]),
        "count": row["hits"],
        "means": means,
        "fix": fix,
        "by_day": by_day if days > 1 else (),
        "facts": [fact for fact in facts if fact[1]],
        "href": f"{address}?{filters}" if filters else address,
    }


def _examples(found: Sequence[Mapping[str, Any]], names: Names) -> Table:
    columns = [Column(label) for label in ("Time (UTC)", "Hit", "Offer", "Partner", "What was wrong", "What was sent")]
    return Table("Examples", columns, [Row(_example_cells(hit, names), name=hit["ts"]) for hit in found])


def _example_cells(hit: Mapping[str, Any], names: Names) -> list[Cell | str]:
    sent = "&".join(f"{name}={value}" for name, value in hit["sent"].items()) or str(hit["link"])
    return [
        Cell(time_text(hit["ts"])),
        Cell(kind_text(hit["kind"]), note=f"{hit['method']} {hit['path'][:80]}".strip()),
        names.offer(hit["offer_id"]),
        names.partner(hit["partner_id"]),
        Cell(hit["field"] or hit["detail"], note=hit["detail"] if hit["field"] else ""),
        Cell(sent[:SENT_CHARS_MAX], code=bool(sent)),
    ]


def _problem(row: Mapping[str, Any]) -> dict[str, object]:
    means, fix = meaning(row["code"], Problem)
    columns = [Column("Conversion"), Column("Time (UTC)"), Column("What happened")]
    rows = [
        Row(
            [
                Cell(one["conversion_id"], code=True, href=_conversion_address(one["conversion_id"])),
                Cell(time_text(one["ts"])), Cell(one["detail"][:400]),
            ],
        )
        for one in row["examples"]
    ]  # fmt: skip
    return {
        "title": state_text(row["code"]),
        "count": row["count"],
        "means": means,
        "fix": fix,
        "table": Table(state_text(row["code"]), columns, rows),
        "is_part": row["count"] > len(rows),
    }


def _conversion_address(conversion_id: str) -> str:
    """Return the address of a conversion's page; empty without such a page."""
    try:
        return reverse("console_conversion", args=[conversion_id])
    except NoReverseMatch:
        return ""
