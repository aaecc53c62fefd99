"""Figures of the home page, and of the page of one partner or offer."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.figures.answers import asking
from control.console.figures.filters import today
from control.console.figures.overview import course_chart, filters_of, leaders, read_course, tiles
from control.console.figures.period import PRESETS, Period, preset
from control.console.figures.sums import MEASURES

_PERIODS = ("today", "yesterday", "7d", "30d")
_ON_TILES = ("clicks", "conversions", "revenue", "payout")


def home_figures(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """Return tiles, a chart, and who gains and loses; without the engine, a sentence that says so."""
    chosen = request.GET.get("period", "")
    key = chosen if chosen in _PERIODS else "7d"
    measure = request.GET.get("measure", "") if request.GET.get("measure") in MEASURES else "revenue"
    period = preset(key, today())
    context: dict[str, Any] = {
        "periods": [
            {
                "label": PRESETS[name],
                "href": f"?{urlencode({'period': name, 'measure': measure})}",
                "current": name == key,
            }
            for name in _PERIODS
        ],
        "report_href": f"{reverse('console_reports')}?{urlencode({'period': key, 'by': 'day', 'measure': measure})}",
    }
    found = asking(lambda: _of_period(actor, period, measure))
    return {**context, **(found.answer or {}), "trouble": found.trouble}


def _query(period: str, measure: str) -> str:
    return f"?{urlencode({'period': period, 'measure': measure})}"


def _of_period(actor: Actor, period: Period, measure: str) -> dict[str, Any]:
    course = read_course(actor, period, timezone.now())
    hrefs = {key: _query(period.key, key) for key in MEASURES}
    partners, offers = (leaders(actor, dimension, period, measure) for dimension in ("partner", "offer"))
    return {
        "tiles": tiles(course, _ON_TILES, hrefs),
        "figure_chart": course_chart(course, measure),
        "has_figures": any(course.total(key) or course.total(key, before=True) for key in MEASURES),
        "groups": [
            {"title": "Top partners", "items": partners["top"], "empty": "No partner has figures in this period."},
            {"title": "Sinking partners", "items": partners["sinking"], "empty": "No partner lost against before."},
            {"title": "Top offers", "items": offers["top"], "empty": "No offer has figures in this period."},
            {"title": "Sinking offers", "items": offers["sinking"], "empty": "No offer lost against before."},
        ],
        "measure_label": MEASURES[measure].label,
    }


def object_figures(actor: Actor, kind: str, number: int) -> dict[str, Any]:
    """Return tiles of the last 30 days of a partner or an offer, compared with the 30 days before."""
    if not actor.may(Area.REPORTS, Action.READ):
        return {}
    only = filters_of(kind, (number,))
    found = asking(lambda: read_course(actor, preset("30d", today()), timezone.now(), only))
    where = urlencode({"by": "day", kind: number})
    hrefs = {key: f"{reverse('console_reports')}?{where}&measure={key}" for key in _ON_TILES}
    hrefs["conversions"] = f"{reverse('console_conversions')}?{urlencode({kind: number})}"
    return {
        "figure_tiles": tiles(found.answer, _ON_TILES, hrefs) if found.answer is not None else [],
        "figure_trouble": found.trouble,
    }
