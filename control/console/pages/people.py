"""Pages of people: operators and partners' people."""

import re
from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.identities import identities_of, remove_identity
from control.accounts.models import User
from control.accounts.people import change_person, people
from control.accounts.person_sessions import end_sessions_of, sessions_of
from control.accounts.roles import Action, Area, Role
from control.accounts.second_factor import has_second_factor, reset_second_factor
from control.accounts.view_as import actor_seen, start_viewing
from control.accounts.views import has_portal
from control.audit.selectors import history_of
from control.configuration import current_configuration
from control.console.access import page
from control.console.forms.base import add_refusal
from control.console.forms.people import PersonForm
from control.console.history import timeline
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, Filter, ListColumn, ListSpec
from control.console.pages.invitations import crumbs
from control.errors import NotFound, Refused
from control.notifications.bounces import bounce_of
from control.ui.moments import day_text, minute_text
from control.ui.table import Cell

_HISTORY_ROWS = 50
PARTNERS_PEOPLE = "partner"


def _role(user: User) -> Cell:
    return Cell(
        user.get_role_display() if user.role else "Partner's person", badge="accent" if user.role else "neutral"
    )


def _state(user: User) -> Cell:
    return Cell("Active", badge="good") if user.is_active else Cell("Disabled", badge="bad")


def _columns(_actor: Actor) -> Sequence[ListColumn[User]]:
    return [
        ListColumn[User](
            "name", "Person",
            lambda row: Cell(str(row), note=row.email, href=reverse("console_user", args=[row.pk]), avatar=True),
            ("name", "email"),
        ),
        ListColumn[User]("email", "E-mail", lambda row: row.email, ("email",), shown=False),
        ListColumn[User]("role", "Role", _role, ("role",)),
        ListColumn[User]("state", "State", _state, ("is_active",)),
        ListColumn[User](
            "last_login", "Last sign-in",
            lambda row: minute_text(row.last_login) if row.last_login else "never", ("last_login",),
            descending_first=True,
        ),
        ListColumn[User](
            "created", "Since", lambda row: day_text(row.created), ("created",), descending_first=True
        ),
    ]  # fmt: skip


def _search(_actor: Actor, rows: QuerySet[User], text: str) -> QuerySet[User]:
    for word in text.split():
        rows = rows.filter(Q(name__icontains=word) | Q(email__icontains=word))
    return rows


def _by_role(rows: QuerySet[User], value: str) -> QuerySet[User]:
    return rows.filter(role="" if value == PARTNERS_PEOPLE else value)


PEOPLE: ListSpec[User] = ListSpec(
    key="people",
    title="People",
    noun="person",
    nouns="people",
    url_name="console_people",
    rows=people,
    columns=_columns,
    empty=Empty("Nobody here", "Invite the people who run the program.", "users", "Invite a person", "console_invite"),
    order="name",
    search=_search,
    search_label="Search by name or e-mail",
    filters=(
        Filter("role", "Role", _by_role, lambda _: [*Role.choices, (PARTNERS_PEOPLE, "Partner's person")]),
        Filter(
            "state", "State", lambda rows, value: rows.filter(is_active=value == "active"),
            lambda _: [("active", "Active"), ("disabled", "Disabled")],
        ),
    ),
)  # fmt: skip


@page(Area.PEOPLE)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List people."""
    return list_page(
        request, actor, PEOPLE, can_add=actor.may(Area.PEOPLE, Action.WRITE), crumbs=crumbs()[:1],
        actions=[("Invitations", reverse("console_invitations"), "mail")],
    )  # fmt: skip


def _mail_facts(user: User) -> list[tuple[str, str]]:
    """Return what is known of the address, if mail to it came back."""
    bounce = bounce_of(user.email)
    if bounce is None:
        return []
    return [("Mail came back", f"{day_text(bounce.bounced)}: {bounce.reason or bounce.status}")]


def _find(actor: Actor, user_id: UUID) -> User:
    user = people(actor).filter(pk=user_id).first()
    if user is None:
        raise NotFound(f"there is no user {user_id}")
    return user


@page(Area.PEOPLE)
def show(request: HttpRequest, actor: Actor, user_id: UUID) -> HttpResponse:
    """Show a person; with POST, change name and role."""
    user = _find(actor, user_id)
    may_change = bool(user.role) and actor.may(Area.PEOPLE, Action.WRITE)
    posted = request.POST if request.method == "POST" else None
    form = PersonForm(actor, posted, initial={"name": user.name, "role": user.role}) if may_change else None
    if posted is not None and form is not None and form.is_valid():
        try:
            change_person(actor, user.pk, form.cleaned_data)
        except Refused as error:
            add_refusal(form, error)
        else:
            messages.success(request, f"{user.email} is saved.")
            return HttpResponseRedirect(request.path)
    factor = has_second_factor(user)
    context = {
        "person": user,
        "title": str(user),
        "crumbs": crumbs(),
        "form": form,
        "facts": [
            ("E-mail", user.email),
            ("Role", user.get_role_display() if user.role else "Partner's person"),
            ("Second factor", "On" if factor else "Off"),
            ("Since", day_text(user.created)),
            *_mail_facts(user),
            ("Last sign-in", minute_text(user.last_login) if user.last_login else "never"),
        ],
        "seats": user.seats.select_related("partner"),
        "sessions": sessions_of(user),
        "has_factor": factor,
        "identities": identities_of(user),
        "view_as": _view_address(actor, user),
        "may_end": actor.may(Area.PEOPLE, Action.WRITE),
        "items": timeline(history_of("accounts.user", str(user.pk))[:_HISTORY_ROWS], actor),
        "switch": reverse("console_user_switch", args=[user.pk]) if actor.may(Area.PEOPLE, Action.WRITE) else "",
    }
    return render(request, "console/person.html", context)


@page(Area.PEOPLE, Action.WRITE)
def switch(request: HttpRequest, actor: Actor, user_id: UUID) -> HttpResponse:
    """Disable a person, or enable one again."""
    user = _find(actor, user_id)
    if request.method == "POST":
        try:
            change_person(actor, user.pk, {"is_active": not user.is_active})
        except Refused as error:
            messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
        else:
            messages.success(request, f"{user} is {'disabled' if user.is_active else 'enabled'}.")
        return HttpResponseRedirect(reverse("console_user", args=[user.pk]))
    verb = "Disable" if user.is_active else "Enable"
    text = "All sessions end at once, and nobody signs in with this address." if user.is_active else ""
    context = {
        "title": f"{verb} {user}?", "text": text, "submit": verb, "danger": user.is_active,
        "crumbs": [*crumbs(), (str(user), reverse("console_user", args=[user.pk]))],
        "back": reverse("console_user", args=[user.pk]),
    }  # fmt: skip
    return render(request, "console/ask.html", context)


@page(Area.PEOPLE, Action.WRITE)
def end_sessions(request: HttpRequest, actor: Actor, user_id: UUID) -> HttpResponse:
    """Ask before all sessions of a person are ended; with POST, end them, or the one that is named."""
    user, address = _find(actor, user_id), reverse("console_user", args=[user_id])
    if request.method == "POST":
        named = request.POST.get("session", "")
        try:
            if named and not re.fullmatch(r"[0-9]{1,18}", named):
                raise NotFound("choose a session of the list")
            ended = end_sessions_of(actor, user.pk, int(named) if named else None)
        except Refused as error:
            messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
        else:
            messages.success(request, f"{ended} {'session is' if ended == 1 else 'sessions are'} ended.")
        return HttpResponseRedirect(address)
    context = {
        "title": f"End all sessions of {user}?", "text": "The person signs in again on every device.",
        "submit": "End sessions", "danger": True, "crumbs": [*crumbs(), (str(user), address)], "back": address,
    }  # fmt: skip
    return render(request, "console/ask.html", context)


@page(Area.PEOPLE, Action.WRITE)
def reset_factor(request: HttpRequest, actor: Actor, user_id: UUID) -> HttpResponse:
    """Ask before the second factor of a person who has lost it is removed; with POST, remove it."""
    user, address = _find(actor, user_id), reverse("console_user", args=[user_id])
    if request.method == "POST":
        try:
            reset_second_factor(actor, user.pk)
        except Refused as error:
            messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
        else:
            messages.success(request, f"The second factor of {user} is removed.")
        return HttpResponseRedirect(address)
    context = {
        "title": f"Remove the second factor of {user}?", "submit": "Remove", "danger": True, "back": address,
        "text": "For somebody who has lost the device and the recovery codes. All sessions end; the next sign-in needs "
        "the password or a code by e-mail only. Make sure first who asks.",
        "crumbs": [*crumbs(), (str(user), address)],
    }  # fmt: skip
    return render(request, "console/ask.html", context)


@page(Area.PEOPLE, Action.WRITE)
def disconnect(request: HttpRequest, actor: Actor, user_id: UUID, identity_id: UUID) -> HttpResponse:
    """Ask before an account of a person at a provider is disconnected; with POST, disconnect it."""
    user, address = _find(actor, user_id), reverse("console_user", args=[user_id])
    found = {identity.pk: name for identity, name in identities_of(user)}
    if request.method == "POST":
        try:
            remove_identity(actor, user.pk, identity_id)
        except Refused as error:
            messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
        else:
            messages.success(request, "The connection is removed.")
        return HttpResponseRedirect(address)
    context = {
        "title": f"Remove the connection of {user}?", "submit": "Remove", "danger": True, "back": address,
        "text": f"The account at {found.get(identity_id, 'the provider')} does not sign in as {user} any more. The "
        f"next account there whose verified address is {user.email} is connected when it signs in.",
        "crumbs": [*crumbs(), (str(user), address)],
    }  # fmt: skip
    return render(request, "console/ask.html", context)


def _view_address(actor: Actor, user: User) -> str:
    """Return the address that starts a view as a person; empty where there is nothing to see."""
    may = actor.may(Area.VIEW_AS, Action.READ) and user.is_active and str(user.pk) != actor.id
    seen = actor_seen(actor, user) if may else None
    if seen is None or not (seen.is_operator or has_portal()):
        return ""
    return reverse("console_user_view_as", args=[user.pk])


@page(Area.VIEW_AS)
def view_as(request: HttpRequest, actor: Actor, user_id: UUID) -> HttpResponse:
    """Ask before the pages are shown as a person sees them; with POST, show them."""
    user, address = _find(actor, user_id), reverse("console_user", args=[user_id])
    if request.method == "POST":
        try:
            start_viewing(actor, request.session, user.pk)
        except Refused as error:
            messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
            return HttpResponseRedirect(address)
        return HttpResponseRedirect("/")
    minutes = -(-current_configuration().settings.web.view_as_age_max_s // 60)
    context = {
        "title": f"See the pages as {user} does?", "submit": "View as this person", "back": address,
        "text": f"For {minutes} minutes at most. Nothing can be changed, data that you may not see stays hidden, and "
        "the audit trail says that you looked.",
        "crumbs": [*crumbs(), (str(user), address)],
    }  # fmt: skip
    return render(request, "console/ask.html", context)
