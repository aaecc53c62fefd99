"""Parts of forms that look rows up while somebody types or chooses."""

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.console.access import page
from control.console.forms.lookups import goal_options, partner_label, plain, suggested_partners
from control.partners.access import visible_partners
from control.partners.selectors import sees_personal_data
from control.program.access import visible_offers

_FIELD = re.compile(r"[a-z_]{1,40}")


@page(Area.PARTNERS)
def partners(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the partners that fit the text of a field, as options of its list."""
    field = request.GET.get("field", "")
    field = field if _FIELD.fullmatch(field) else "partner"
    found = suggested_partners(
        visible_partners(actor), plain(request.GET.get(field)), personal=sees_personal_data(actor)
    )
    options = [(partner_label(row), row) for row in found]
    return render(request, "console/lookup_options.html", {"field": field, "options": options})


@page(Area.PROGRAM)
def goals(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the goals of the chosen offer, as options of a select."""
    number = request.GET.get("offer", "")
    offer = visible_offers(actor).filter(pk=int(number)).first() if re.fullmatch(r"[0-9]{1,10}", number) else None
    context = {"options": goal_options(offer.goals if offer is not None else ()), "chosen": request.GET.get("goal", "")}
    return render(request, "console/goal_options.html", context)
