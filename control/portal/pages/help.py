"""Help: short answers to what partners ask most."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from control.accounts.actor import Actor
from control.portal.access import portal_page


@portal_page()
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the answers."""
    return render(request, "portal/help.html")
