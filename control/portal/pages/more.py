"""List of the pages that have no place in the bar at the bottom of a phone."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from control.accounts.actor import Actor
from control.portal.access import portal_page
from control.ui.navigation import bar_and_more, navigation


@portal_page()
def more(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the pages that are not in the bar."""
    _, rest = bar_and_more(navigation("portal", request))
    items = [{"title": link.label, "href": link.href, "icon": link.icon} for link in rest]
    return render(request, "portal/more.html", {"items": items})
