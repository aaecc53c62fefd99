"""Pages of settings: those of the program, which people change, and those of the installation, which are shown."""

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
from control.console.installation_settings import shown_sections
from control.program.load import program_settings
from control.program.services.program_settings import change_program_settings, is_published

_HISTORY_ROWS = 50


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
        request, form, save, title="Program settings", submit="Save", crumbs=_crumbs(), sections=SECTIONS,
        items=timeline(history_of("program.programsettings", "1")[:_HISTORY_ROWS], actor),
    )  # fmt: skip


@page(Area.SETTINGS)
def installation(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show every setting of the installation with its source."""
    sections = shown_sections(current_configuration().settings)
    context = {
        "title": "Installation", "sections": sections, "crumbs": _crumbs(),
        "changed": [one for section in sections for one in section.settings if not one.is_default],
    }  # fmt: skip
    return render(request, "console/installation.html", context)
