"""Health of the system: a page, and the line in every page of operators."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from control.accounts.actor import Actor
from control.console.access import page
from control.console.health import health


@page()
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show each part of the system, with what to do."""
    return render(request, "console/health.html", {"title": "System health", "health": health(actor)})


@page()
def line(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Answer with the line; pages ask for it after they are drawn, so that none waits for the engine."""
    name = "console/health_alert.html" if "home" in request.GET else "console/health_line.html"
    return render(request, name, {"health": health(actor), "complete": True})
