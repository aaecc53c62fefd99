"""Pages of the modules: the list, and the switch of each."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.selectors import AuditFilter, audit_events
from control.console.access import page
from control.console.history import recent
from control.errors import Refused
from control.modules.config import ModuleConfig
from control.modules.services import switch_module, visible_modules
from control.modules.states import STATES_AGE_MAX_S, find_module, is_on

_HISTORY_ROWS = 10


@page(Area.SETTINGS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the modules with their states."""
    may_switch = actor.may(Area.SETTINGS, Action.WRITE)
    events = audit_events(AuditFilter(object_type="modules.moduleswitch"))
    context = {
        "title": "Modules", "crumbs": [("Settings", reverse("console_settings"))],
        "modules": [_shown(module, may_switch) for module in visible_modules(actor)],
        "items": recent(events[:_HISTORY_ROWS]),
    }  # fmt: skip
    return render(request, "console/modules.html", context)


def _shown(module: ModuleConfig, may_switch: bool) -> dict[str, Any]:
    on = is_on(module.label)
    return {
        "title": module.title, "text": module.text,
        "state": "active" if on else "off", "state_label": "On" if on else "Off",
        "facts": [
            ("Needs", ", ".join(find_module(label).title for label in module.needs) or "No other module"),
            ("Used by", ", ".join(module.users())),
        ],
        "action": _verb(module) if may_switch else "", "href": reverse("console_module_switch", args=[module.label]),
    }  # fmt: skip


def _verb(module: ModuleConfig) -> str:
    return f"Switch {'off' if is_on(module.label) else 'on'} {module.title}"


@page(Area.SETTINGS, Action.WRITE)
def switch(request: HttpRequest, actor: Actor, label: str) -> HttpResponse:
    """Ask before a module is switched; with POST, switch it."""
    module, on = find_module(label), is_on(label)
    back = reverse("console_modules")
    if request.method == "POST":
        try:
            switch_module(actor, label, request.POST.get("to") == "on")
        except Refused as error:
            messages.error(request, f"Not done: {error}.")
        else:
            messages.success(request, f"{module.title} is {'on' if is_on(label) else 'off'}.")
        return HttpResponseRedirect(back)
    within = f"Other processes follow within {STATES_AGE_MAX_S:g} seconds."
    context = {
        "title": f"{_verb(module)}?", "submit": _verb(module), "to": "off" if on else "on", "back": back, "danger": on,
        "text": f"Its pages, its resources of the API and its jobs stop; what is stored is kept. {within}"
        if on
        else f"{module.text} Jobs that waited go on. {within}",
        "crumbs": [("Settings", reverse("console_settings")), ("Modules", back)],
    }  # fmt: skip
    return render(request, "console/ask.html", context)
