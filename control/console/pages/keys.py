"""Pages of API keys."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.keys import api_keys, end_of_day, key_of, make_key, revoke_key
from control.accounts.models import UNUSED_AFTER, ApiKey
from control.accounts.roles import Action, Area, KeyScope
from control.console.access import page
from control.console.forms.base import add_refusal
from control.console.forms.people import KeyForm
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, Filter, ListColumn, ListSpec
from control.errors import Refused
from control.ui.moments import day_text, minute_text
from control.ui.table import Cell


def _last_used(row: ApiKey) -> Cell:
    text = minute_text(row.last_used) if row.last_used else "never"
    return Cell("Unused", note=text, badge="warn") if row.is_unused(timezone.now()) else Cell(text)


def _expires(row: ApiKey) -> Cell:
    if row.expires is None:
        return Cell("never")
    text = minute_text(row.expires)
    return Cell("Expired", note=text, badge="bad") if row.is_expired(timezone.now()) else Cell(text)


def _unused(rows: QuerySet[ApiKey], _value: str) -> QuerySet[ApiKey]:
    return rows.alias(used=Coalesce("last_used", "created")).filter(used__lte=timezone.now() - UNUSED_AFTER)


def _columns(_actor: Actor) -> Sequence[ListColumn[ApiKey]]:
    return [
        ListColumn[ApiKey](
            "name", "Name",
            lambda row: Cell(row.name, note=f"clew_{row.prefix}_…", href=reverse("console_key_revoke", args=[row.pk])),
            ("name",),
        ),
        ListColumn[ApiKey]("scope", "Scope", lambda row: Cell(row.get_scope_display(), badge="info"), ("scope",)),
        ListColumn[ApiKey]("partner", "Partner", lambda row: str(row.partner or "All partners")),
        ListColumn[ApiKey](
            "last_used", "Last used", _last_used, ("last_used",), descending_first=True,
        ),
        ListColumn[ApiKey]("expires", "Expires", _expires, ("expires",)),
        ListColumn[ApiKey]("created", "Made", lambda row: day_text(row.created), ("created",)),
        ListColumn[ApiKey]("created_by", "Made by", lambda row: row.created_by, ("created_by",)),
    ]  # fmt: skip


def _rows(actor: Actor) -> QuerySet[ApiKey]:
    return api_keys(actor).select_related("partner")


KEYS: ListSpec[ApiKey] = ListSpec(
    key="api-keys",
    title="API keys",
    noun="key",
    nouns="keys",
    text="Keys let other systems in. Each is shown once, when it is made.",
    url_name="console_keys",
    rows=_rows,
    columns=_columns,
    empty=Empty(
        "No API keys yet", "Make one for each system, so that one can be revoked alone.", "key", "New key",
        "console_key_new",
    ),
    order="name",
    search=lambda _actor, rows, text: rows.filter(name__icontains=text),
    search_label="Search by name",
    filters=(
        Filter("scope", "Scope", lambda rows, value: rows.filter(scope=value), lambda _: KeyScope.choices),
        Filter("use", "Use", _unused, lambda _: [("unused", "Unused for 90 days")]),
    ),
)  # fmt: skip


def _crumbs() -> list[tuple[str, str]]:
    return [("Settings", reverse("console_settings")), ("API keys", reverse("console_keys"))]


@page(Area.SETTINGS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List API keys."""
    can_add = actor.may(Area.SETTINGS, Action.WRITE)
    return list_page(request, actor, KEYS, can_add=can_add, crumbs=[_crumbs()[0]])


@page(Area.SETTINGS, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Make a key, and show it this once: the answer to the POST is the page, so that no address leads back to it."""
    form = KeyForm(actor, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        number = values["partner"].number if values["partner"] is not None else None
        try:
            expires = end_of_day(values["expires"]) if values["expires"] is not None else None
            key, text = make_key(actor, values["name"], values["scope"], number, expires)
        except Refused as error:
            add_refusal(form, error)
        else:
            answer = render(request, "console/new_key.html", {"key": key, "text": text, "crumbs": _crumbs()})
            answer["Cache-Control"] = "no-store"
            return answer
    context = {
        "title": "New API key", "crumbs": _crumbs(), "form": form, "submit": "Make key",
        "back": reverse("console_keys"),
    }  # fmt: skip
    return render(request, "console/form.html", context)


@page(Area.SETTINGS, Action.WRITE)
def revoke(request: HttpRequest, actor: Actor, key_id: UUID) -> HttpResponse:
    """Ask before a key is revoked; then revoke it."""
    key = key_of(actor, key_id)
    if request.method == "POST":
        try:
            revoke_key(actor, key.name)
        except Refused as error:
            messages.error(request, f"Not revoked: {error}.")
        else:
            messages.success(request, f"The key {key.name} is revoked.")
        return HttpResponseRedirect(reverse("console_keys"))
    context = {
        "title": f"Revoke the key {key.name}?", "text": "Systems that use it are refused from now on.",
        "submit": "Revoke", "danger": True, "crumbs": _crumbs(), "back": reverse("console_keys"),
    }  # fmt: skip
    return render(request, "console/ask.html", context)
