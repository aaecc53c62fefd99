"""First page of the portal."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from control.accounts.actor import Actor
from control.portal.access import portal_page


@portal_page()
def home(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the first page."""
    return render(request, "portal/home.html")
