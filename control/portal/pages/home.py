"""First page of the portal: what was earned, what is coming, what to do next."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.figures.filters import today
from control.console.figures.overview import Course, read_course
from control.console.figures.period import Period, preset
from control.engine.answers import ConversionQuery, Filters, conversions
from control.engine.names import names_of_conversions
from control.engine.zone import program_zone
from control.partners.states import LINKS_WORK
from control.portal.access import own_partner, portal_page
from control.portal.conversions import conversion_table
from control.portal.figures import asking, balance_tiles, course_tiles, earnings_chart, read_balances
from control.portal.steps import next_steps

_DEFAULT_PERIOD = "30d"
_LAST_CONVERSIONS = 5


@portal_page()
def home(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show earnings of a period, the balance, the last conversions, and the next steps."""
    names = {"7d": _("7 days"), "30d": _("30 days"), "90d": _("90 days")}
    chosen = request.GET.get("period", "")
    key = chosen if chosen in names else _DEFAULT_PERIOD
    period = preset(key, today())
    context: dict[str, Any] = {
        "periods": [{"label": text, "href": f"?period={name}", "current": name == key} for name, text in names.items()],
    }
    if request.headers.get("Clew-Refresh"):
        tiles = asking(lambda: _tiles(actor, period, _course(actor, period)))
        context |= {"trouble": tiles.trouble, **(tiles.answer or {})}
        return render(request, "portal/home_figures.html", context)
    partner = own_partner(actor)
    found = asking(lambda: _figures(actor, period))
    context |= {
        "partner": partner,
        "steps": [
            {"title": step.title, "text": step.text, "href": step.href, "icon": step.icon}
            for step in next_steps(actor, partner)
        ],
        "may_link": actor.may(Area.LINKS, Action.WRITE) and partner.status in LINKS_WORK,
        "trouble": found.trouble,
        **(found.answer or {}),
    }
    return render(request, "portal/home.html", context)


def _figures(actor: Actor, period: Period) -> dict[str, Any]:
    """Return all figures: tiles, chart and the last conversions."""
    course = _course(actor, period)
    last = conversions(actor, ConversionQuery(_own(actor), limit=_LAST_CONVERSIONS))
    return {
        **_tiles(actor, period, course),
        "chart": earnings_chart(course),
        "has_figures": any(course.total(name) or course.total(name, before=True) for name in ("payout", "clicks")),
        "table": conversion_table(last, names_of_conversions(last), program_zone(), brief=True),
    }


def _tiles(actor: Actor, period: Period, course: Course) -> dict[str, Any]:
    """Return the tiles, for which the page asks again and again."""
    note = _("against the %(count)d days before") % {"count": len(period.days)}
    query = urlencode({"period": period.key})
    hrefs = {"clicks": f"{reverse('portal_statistics')}?{query}", "payout": reverse("portal_balance")}
    hrefs["conversions"] = f"{reverse('portal_conversions')}?{query}"
    balance = read_balances(actor, course.currency)
    return {
        "tiles": course_tiles(course, note, hrefs),
        "balance": balance_tiles(balance, program_zone(), reverse("portal_balance")),
    }


def _own(actor: Actor) -> Filters:
    return Filters(partners=(actor.partner or 0,))


def _course(actor: Actor, period: Period) -> Course:
    return read_course(actor, period, timezone.now(), _own(actor))
