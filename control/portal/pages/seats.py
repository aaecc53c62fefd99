"""Change between the partners of a person who belongs to several."""

import re

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from control.accounts.actor import Actor
from control.accounts.middleware import PARTNER_OF_SESSION
from control.accounts.models import Seat
from control.errors import NotFound
from control.portal.access import portal_page

_NUMBER = re.compile(r"[0-9]{1,18}")


@portal_page()
def seats(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the partners of the person; with POST, go on as another one."""
    own = Seat.objects.filter(user_id=actor.id).select_related("partner").order_by("created", "pk")
    if request.method == "POST":
        text = request.POST.get("partner", "")
        seat = own.filter(partner_id=int(text)).first() if _NUMBER.fullmatch(text) else None
        if seat is None:
            raise NotFound("you do not belong to this partner")
        request.session[PARTNER_OF_SESSION] = seat.partner_id
        messages.success(request, _("You act for %(partner)s now.") % {"partner": seat.partner.name})
        return HttpResponseRedirect(reverse("portal_home"))
    return render(request, "portal/seats.html", {"seats": own, "current": actor.partner})
