"""Pages of the texts of mails: the list, and the text of one mail in one language with preview and test."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.access import page
from control.console.forms.base import add_refusal
from control.errors import Refused
from control.notifications.kinds import MailKind, mail_kinds
from control.notifications.mails import program_name, send_test
from control.notifications.markdown import page_html_of, text_of
from control.notifications.own_texts import (
    PROGRAM,
    built_in_source,
    check_language,
    check_texts,
    filled,
    kind_of,
    own_languages,
    own_text,
    reset_own_text,
    samples,
    save_own_text,
)


class MailTextForm(forms.Form):
    """Subject and body of a mail."""

    subject = forms.CharField(label="Subject", max_length=200)
    body = forms.CharField(
        label="Text", max_length=20_000, widget=forms.Textarea(attrs={"rows": 16}),
        help_text="Markdown: # heading, **bold**, - list, [text](address). A link alone on its line becomes a button.",
    )  # fmt: skip


@page(Area.SETTINGS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the kinds of mails, with the languages that have texts of operators."""
    own = own_languages()
    kinds = [
        {
            "title": kind.title, "name": name,
            "languages": [
                (title, reverse("console_mail_template", args=[name, code]), code in own.get(name, ()))
                for code, title in settings.LANGUAGES
            ],
        }
        for name, kind in sorted(mail_kinds().items(), key=lambda item: item[1].title)
    ]  # fmt: skip
    crumbs = [("Settings", reverse("console_settings"))]
    return render(request, "console/mail_templates.html", {"title": "Mails", "crumbs": crumbs, "kinds": kinds})


@page(Area.SETTINGS)
def show(request: HttpRequest, actor: Actor, name: str, language: str) -> HttpResponse:
    """Show the text of a mail in a language; with POST, save it, send a test of it, or go back to the built-in one."""
    kind = kind_of(actor, name, Action.WRITE if request.method == "POST" else Action.READ)
    check_language(language)
    own = own_text(name, language)
    subject, body = (own.subject, own.body) if own is not None else built_in_source(name, kind, language)
    form = MailTextForm(request.POST or None, initial={"subject": subject, "body": body})
    act = request.POST.get("do", "save")
    try:
        if request.method == "POST" and act == "reset":
            reset_own_text(actor, name, language)
            messages.success(request, "The built-in text counts again.")
            return HttpResponseRedirect(request.path)
        if form.is_valid():
            subject, body = form.cleaned_data["subject"], form.cleaned_data["body"]
            check_texts(kind, subject, body)
            if act == "save":
                save_own_text(actor, name, language, subject, body)
                messages.success(request, "The text is saved. It counts for the next mail.")
                return HttpResponseRedirect(request.path)
            if act == "test":
                messages.success(request, f"A test is on its way to {send_test(actor, name, language, subject, body)}.")
    except Refused as error:
        add_refusal(form, error)
    context = {
        "title": kind.title, "form": form, "is_own": own is not None,
        "language_name": dict(settings.LANGUAGES)[language],
        "crumbs": [("Settings", reverse("console_settings")), ("Mails", reverse("console_mail_templates"))],
        "variables": _variables(kind), "may_change": actor.may(Area.SETTINGS, Action.WRITE),
        **_preview(kind, language, subject, body),
    }  # fmt: skip
    return render(request, "console/mail_template.html", context)


def _variables(kind: MailKind) -> list[tuple[str, str]]:
    shown = [(f"{{{{ {key} }}}}", variable.text) for key, variable in kind.variables.items()]
    return [*shown, (f"{{{{ {PROGRAM} }}}}", "name of the program")]


def _preview(kind: MailKind, language: str, subject: str, body: str) -> dict[str, Any]:
    values = samples(kind, program_name())
    with translation.override(language):
        text = filled(body, values, is_markdown=True)
        return {
            "preview_subject": filled(subject, values, is_markdown=False), "preview_html": page_html_of(text),
            "preview_text": text_of(text), "direction": "rtl" if translation.get_language_bidi() else "ltr",
        }  # fmt: skip
