"""Live view: hits as they come in, with their verdicts."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.console.access import page
from control.console.hit_rows import KINDS, VERDICTS, hit_table
from control.engine.hits import HitFilter, HitPage, recent_hits
from control.errors import Invalid, NotFound, Unavailable
from control.program.access import visible_offers

ROWS_MAX = 50
OFFERS_MAX = 200
REFRESHES_MAX = 200
"""A page that nobody looks after asks at most so often, ten minutes at 3 s."""
_NUMBER_DIGITS_MAX = 10


@page(Area.REPORTS)
def live(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show hits, newest first. With a script the list asks for itself every few seconds until it is paused."""
    wanted, before = filter_of(request), request.GET.get("before", "")[:40]
    found, trouble = HitPage((), ""), ""
    try:
        found = recent_hits(actor, wanted, ROWS_MAX, before)
    except (Unavailable, Invalid, NotFound) as error:
        trouble = sentence(error)
    turn = _number(request.GET.get("turn", "")) or 0
    context = {
        "title": "Live view",
        "table": hit_table(actor, found.hits),
        "trouble": trouble,
        "is_live": not before and "paused" not in request.GET and turn < REFRESHES_MAX,
        "was_long": turn >= REFRESHES_MAX,
        "turn": turn + 1,
        "older": found.next,
        "before": before,
        **filter_context(request, actor, wanted),
    }
    if request.headers.get("HX-Request") == "true" and "turn" in request.GET:
        return render(request, "console/live_hits.html", context)
    return render(request, "console/live.html", context)


def filter_of(request: HttpRequest) -> HitFilter:
    """Read the filters of the address; what is not one of the options is left out."""
    get = request.GET.get
    kind, verdict = get("kind", ""), get("verdict", "")
    return HitFilter(
        kind if kind in dict(KINDS) else "", verdict if verdict in dict(VERDICTS) else "", _number(get("offer", "")),
        _number(get("partner", "")),
    )  # fmt: skip


def filter_context(request: HttpRequest, actor: Actor, wanted: HitFilter, **more: str) -> dict[str, Any]:
    """Return what the filter bar shows, and the address of the filters."""
    offers = [(str(row.number), row.name) for row in visible_offers(actor).order_by("name")[:OFFERS_MAX]]
    kept = {
        "kind": wanted.kind, "verdict": wanted.verdict, "offer": str(wanted.offer or ""),
        "partner": str(wanted.partner or ""), **more,
    }  # fmt: skip
    filters = {name: value for name, value in kept.items() if value}
    return {
        "selects": [
            {"name": "kind", "label": "Kind", "options": KINDS, "value": wanted.kind},
            {"name": "offer", "label": "Offer", "options": offers, "value": str(wanted.offer or "")},
        ],
        "verdict_select": {"name": "verdict", "label": "Verdict", "options": VERDICTS, "value": wanted.verdict},
        "partner": wanted.partner or "",
        "is_filtered": bool(filters.keys() - more.keys()),
        "filters": urlencode(filters),
        "address": reverse(request.resolver_match.url_name or "", kwargs=request.resolver_match.kwargs)
        if request.resolver_match
        else request.path,
    }


def _number(text: str) -> int | None:
    known = text.isascii() and text.isdecimal() and len(text) <= _NUMBER_DIGITS_MAX
    return int(text) if known and 0 < int(text) < 2**32 else None


def sentence(error: Exception) -> str:
    """Return a refusal as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
