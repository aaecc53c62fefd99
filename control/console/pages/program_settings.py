"""Pages of settings: those of the program, which people change, and those of the installation, which are shown."""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.selectors import history_of
from control.configuration import current_configuration
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.console.forms.program_settings import SECTIONS, ProgramSettingsForm
from control.console.history import timeline
from control.program.load import program_settings
from control.program.services.program_settings import change_program_settings, is_published
from runtime.settings_section import Section

_SHOWN = ("web", "jobs", "mail", "follow")
_HISTORY_ROWS = 50
_PASSWORD_IN_URL = re.compile(r"://[^/@]*:[^/@]*@")
_HIDDEN = "set, not shown"


def _crumbs() -> list[tuple[str, str]]:
    return [("Settings", reverse("console_settings"))]


@page(Area.SETTINGS, Action.WRITE)
def edit(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Change the settings of the program. Fallback and proxies count at once, the others once they are published."""
    form = ProgramSettingsForm(program_settings(), posted(request), is_published=is_published())

    def save() -> tuple[str, str]:
        change_program_settings(actor, form.cleaned_data)
        return "The settings are saved. Publish to make the drafts count.", reverse("console_program_settings")

    return form_page(
        request, form, save, title="Program settings", submit="Save", crumbs=_crumbs(), sections=SECTIONS
    )  # fmt: skip


@page(Area.SETTINGS)
def history(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the settings of the installation, which the environment sets, and the history of the program's."""
    settings = current_configuration().settings
    groups = [(name, _facts(name, getattr(settings, name))) for name in _SHOWN]
    groups.append(("terms", [("CLEW_TERMS_LEAD_S", str(settings.terms_lead_s))]))
    context = {
        "title": "Installation", "groups": groups, "crumbs": _crumbs(),
        "items": timeline(history_of("program.programsettings", "1")[:_HISTORY_ROWS], actor),
    }  # fmt: skip
    return render(request, "console/installation.html", context)


def _facts(name: str, section: Section) -> list[tuple[str, str]]:
    """Return the settings of a section by the name of their variable; secrets are not shown."""
    facts = []
    for part, field in type(section).model_fields.items():
        value: Any = getattr(section, part)
        is_secret = field.repr is False or any(word in part for word in ("password", "secret_key"))
        is_secret = is_secret or bool(_PASSWORD_IN_URL.search(str(value)))
        text = "" if value in (None, "") else (_HIDDEN if is_secret else str(value))
        facts.append((f"CLEW_{name.upper()}__{part.upper()}", text))
    return facts
