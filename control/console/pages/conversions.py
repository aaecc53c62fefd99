"""Pages of conversions: a list with search, and one conversion with its explanation."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.console.access import page
from control.console.figures import explanation as shown
from control.console.figures.answers import asking
from control.console.figures.conversion_table import (
    COLUMNS,
    EXPORT_HEAD,
    SHOWN,
    STATUSES,
    conversion_table,
    export_rows,
    status_cell,
    time_of,
)
from control.console.figures.filters import FigureFilters, bar_context, read_filters, without
from control.console.forms.lookups import PartnerField, partner_label
from control.console.lists.export import ask_for_export, export_items, file_answer, wanted_export
from control.console.lists.state import Known, read_state
from control.console.lists.views_page import ListHead, change_views, views_context
from control.engine.answers import ConversionQuery, Filters, conversion, conversions, explanation, sees_personal_data
from control.engine.api import after_of, checked_id
from control.engine.cursors import cursor_of
from control.engine.names import names_of_conversions, names_of_explanation
from control.engine.zone import program_zone
from control.errors import Invalid, NotFound, Refused
from control.partners.models import Partner
from control.program.access import visible_offers

_PAGE_ROWS = 50
_DIRECT_ROWS_MAX = 1_000
"""Fewer rows are sent at once."""
_Q_CHARS_MAX = 200
_OFFERS_MAX, _GOALS_SHOWN_MAX = 2_000, 200
"""Most offers whose goals are looked at, and most goals to choose from."""
HEAD = ListHead("conversions", "console_conversions", "All conversions")
_KNOWN = Known(
    columns=tuple(COLUMNS), shown=SHOWN, sortable=(), order="",
    filters=("status", "goal", "period", "from", "to", "partner", "offer"),
)  # fmt: skip


@page(Area.REPORTS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List conversions, export them, or keep the list as a view."""
    state = read_state(request.GET.dict(), _KNOWN)
    if request.method == "POST" and (answer := change_views(request, actor, HEAD, state, _KNOWN)) is not None:
        return answer
    filters, query = read_filters(request, actor, "90d"), _query(request)
    status = request.GET.get("status", "") if request.GET.get("status") in STATUSES else ""
    try:
        after = after_of(request.GET.get("cursor", ""))
    except Invalid:
        after = None
    goals = _goals(actor)
    goal = request.GET.get("goal", "") if request.GET.get("goal") in goals else ""
    asked = ConversionQuery(_searched(filters, query), status, query, goal=goal, after=after, limit=_PAGE_ROWS + 1)
    if (wanted := wanted_export(request)) and not filters.mistake:
        return _exported(actor, asked, wanted)
    personal = sees_personal_data(actor)
    context: dict[str, object] = {
        "title": "Conversions",
        "bar": bar_context(request, actor, filters),
        "search": "Order number, click id, partner" + (", customer or e-mail" if personal else ""),
        "selects": [
            {"name": "status", "label": "Any status", "options": [*STATUSES.items()], "value": status},
            {"name": "goal", "label": "Any goal", "options": [*goals.items()], "value": goal},
        ],
        "chips": _chips(request, query),
        "text": "All time, because a search is exact" if query else filters.period.text,
        "exports": export_items(without(request, "cursor").removeprefix("?")),
        "is_filtered": bool(query or status or goal or filters.partner or filters.offer),
        "trouble": filters.mistake,
        **views_context(actor, HEAD, state, _KNOWN, [*COLUMNS.items()]),
    }
    if not filters.mistake:
        found = asking(lambda: conversions(actor, asked))
        rows = found.answer or []
        if query and not rows and not found.trouble and (partner := _partner(actor, query)) is not None:
            kept = {name: value for name, value in request.GET.items() if name not in ("q", "cursor", "partner")}
            return HttpResponseRedirect(f"?{urlencode({**kept, 'partner': partner_label(partner)})}")
        names, more = names_of_conversions(rows), len(rows) > _PAGE_ROWS
        last = rows[_PAGE_ROWS - 1] if more else None
        context |= {
            "table": conversion_table(rows[:_PAGE_ROWS], names, program_zone(), state.columns),
            "next": cursor_of([last["at_us"], last["conversion_id"]]) if last is not None else "",
            "trouble": found.trouble,
        }
    return render(request, "console/conversions.html", context)


def _goals(actor: Actor) -> dict[str, str]:
    """Return the goals of the offers that the actor may see: names by key."""
    names: dict[str, set[str]] = {}
    for goals in visible_offers(actor).order_by().values_list("goals", flat=True)[:_OFFERS_MAX]:
        for goal in goals:
            names.setdefault(goal["key"], set()).add(goal["name"])
    shown = sorted(names.items())[:_GOALS_SHOWN_MAX]
    return {key: f"{', '.join(sorted(own)[:3])} ({key})" for key, own in shown}


def _partner(actor: Actor, text: str) -> Partner | None:
    """Return the partner whom a search names; conversions are then those of this partner."""
    field = PartnerField(required=False)
    field.use(actor)
    try:
        return field.clean(text)  # type: ignore[no-any-return]
    except ValidationError:
        return None


def _query(request: HttpRequest) -> str:
    return " ".join(request.GET.get("q", "").replace("\0", "").split())[:_Q_CHARS_MAX]


def _searched(filters: FigureFilters, query: str) -> Filters:
    """Return the filters; an exact search looks at all time."""
    asked = filters.asked()
    return Filters("", "", asked.partners, asked.offers) if query else asked


def _chips(request: HttpRequest, query: str) -> list[tuple[str, str]]:
    return [(f"“{query}”", without(request, "q"))] if query else []


def _exported(actor: Actor, asked: ConversionQuery, kind: str) -> HttpResponse:
    """Send the conversions that are asked for; many are the work of a job."""
    try:
        found = conversions(actor, replace(asked, after=None, limit=_DIRECT_ROWS_MAX))
    except Refused as error:
        return HttpResponse(f"{error}\n", status=503, content_type="text/plain; charset=utf-8")
    if len(found) == _DIRECT_ROWS_MAX:
        return ask_for_export("conversions", kind, _as_parameters(asked))
    return file_answer(kind, "conversions", EXPORT_HEAD, export_rows(found, names_of_conversions(found)))


def _as_parameters(asked: ConversionQuery) -> dict[str, str]:
    """Return the list as parameters of the API."""
    filters = asked.filters
    given = {
        "from": filters.from_, "to": filters.to, "status": asked.status, "goal": asked.goal, "q": asked.q,
        "partner": ",".join(map(str, filters.partners or ())), "offer": ",".join(map(str, filters.offers or ())),
    }  # fmt: skip
    return {name: value for name, value in given.items() if value}


@page(Area.REPORTS)
def show(request: HttpRequest, actor: Actor, conversion_id: str) -> HttpResponse:
    """Show a conversion with its explanation."""
    try:
        conversion_id = checked_id(conversion_id)
    except NotFound as error:
        raise Http404(str(error)) from None
    context: dict[str, object] = {
        "title": f"Conversion {conversion_id[:12]}",
        "crumbs": [("Conversions", reverse("console_conversions"))],
    }
    found = asking(lambda: _found(actor, conversion_id))
    if found.answer is None:
        if found.is_missing:
            raise Http404(found.trouble)
        return render(request, "console/conversion.html", {**context, "trouble": found.trouble})
    row, explained = found.answer
    names = names_of_explanation(explained)
    offer = explained["conversion"]["offer_id"]
    context |= {
        "title": f"Conversion {row['txn_id'] or conversion_id[:12]}",
        "status": status_cell(row["status"]),
        "time": time_of(row),
        "offer": reverse("console_offer", args=[offer]) if offer in names.offers else "",
        "facts": shown.facts(explained, names, personal=sees_personal_data(actor)),
        "course": shown.course(explained, names),
        "considered": shown.considered(explained, names),
        "plans": shown.plans(explained, names),
        "cents": shown.cents(explained, names),
        "commissions": shown.commissions(explained["commissions"], names),
        "ledger": shown.ledger(explained["ledger"], names),
        "pays_nothing": explained.get("pays_nothing", False),
        "not_explained": "" if "touches" in explained else explained["state"].get("why", ""),
        "is_behind": explained.get("is_current") is False,
        "problems": list(explained["problems"].items()),
        "others": f"{reverse('console_conversions')}?{urlencode({'q': row['click_id']})}" if row["click_id"] else "",
    }
    return render(request, "console/conversion.html", context)


def _found(actor: Actor, conversion_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return conversion(actor, conversion_id), explanation(actor, conversion_id)
