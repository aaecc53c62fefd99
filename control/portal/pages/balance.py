"""Balance: what is pending, on hold and payable, with the commissions that make it up."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.engine.answers import ConversionQuery, Filters, conversions
from control.engine.api import after_of
from control.engine.cursors import cursor_of
from control.engine.names import names_of_conversions
from control.engine.zone import program_zone
from control.errors import Invalid
from control.portal.access import portal_page
from control.portal.conversions import conversion_table
from control.portal.figures import asking, balance_tiles, read_balances
from control.program.load import program_settings
from control.ui.local_formats import money_text

_PAGE_ROWS = 50


@portal_page(Area.REPORTS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the balance in each currency, and the commissions, newest first."""
    found = asking(lambda: _shown(request, actor))
    return render(request, "portal/balance.html", {"trouble": found.trouble, **(found.answer or {})})


def _shown(request: HttpRequest, actor: Actor) -> dict[str, object]:
    try:
        after = after_of(request.GET.get("cursor", ""))
    except Invalid:
        after = None
    balance = read_balances(actor, program_settings().currency)
    own = Filters(partners=(actor.partner or 0,))
    rows = conversions(actor, ConversionQuery(own, after=after, limit=_PAGE_ROWS + 1))
    last = rows[_PAGE_ROWS - 1] if len(rows) > _PAGE_ROWS else None
    shown = [row for row in rows[:_PAGE_ROWS] if row["commissions"]]
    zone = program_zone()
    return {
        "tiles": balance_tiles(balance, zone, ""),
        "others": [
            (one.currency, _("%(payable)s payable, %(coming)s coming") % {
                "payable": money_text(one.payable, one.currency), "coming": money_text(one.coming, one.currency),
            })
            for one in balance[1:]
        ],
        "table": conversion_table(shown, names_of_conversions(shown), zone),
        "next": cursor_of([last["at_us"], last["conversion_id"]]) if last is not None else "",
    }  # fmt: skip
