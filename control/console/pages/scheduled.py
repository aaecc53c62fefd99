"""Pages of scheduled changes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.access import page
from control.console.forms.when import local_text
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, Filter, ListColumn, ListSpec
from control.errors import Refused
from control.scheduled.models import ChangeKind, ChangeState, ScheduledChange
from control.scheduled.services import cancel_change, scheduled_change_of, scheduled_changes
from control.ui.states import state_tone
from control.ui.table import Cell

_OF_OBJECT_ROWS = 5


def address_of(row: ScheduledChange) -> str:
    """Return the page of the object of a change; empty if it has none."""
    if row.kind in (ChangeKind.PARTNER, ChangeKind.OFFER):
        return reverse(f"console_{row.kind}", args=[int(row.object_id)])
    if row.kind == ChangeKind.ROLLBACK:
        return reverse("console_version", args=[int(row.object_id)])
    return f"{reverse('console_links')}?q={row.object_id}" if row.kind == ChangeKind.LINK else ""


def _columns(_actor: Actor) -> Sequence[ListColumn[ScheduledChange]]:
    return [
        ListColumn[ScheduledChange](
            "what", "Change", lambda row: Cell(str(row), href=reverse("console_scheduled_change", args=[row.pk]))
        ),
        ListColumn[ScheduledChange](
            "at", "When", lambda row: local_text(row.at), ("at",), descending_first=True
        ),
        ListColumn[ScheduledChange](
            "state", "State", lambda row: Cell(row.get_state_display(), badge=state_tone(row.state))
        ),
        ListColumn[ScheduledChange]("result", "Result", lambda row: row.result),
        ListColumn[ScheduledChange]("by", "Scheduled by", lambda row: row.actor_name),
        ListColumn[ScheduledChange]("reason", "Reason", lambda row: row.reason, shown=False),
    ]  # fmt: skip


SCHEDULED: ListSpec[ScheduledChange] = ListSpec(
    key="scheduled", title="Scheduled changes", noun="change", nouns="changes", url_name="console_scheduled",
    rows=scheduled_changes, columns=_columns, order="-at",
    text="Changes of states, and terms, that wait for their time. Each is made once.",
    empty=Empty(
        "Nothing is scheduled", "Give a time where you publish, or change the state of a partner, offer or link.",
        "clock",
    ),
    search=lambda _actor, rows, text: rows.filter(object_name__icontains=text),
    search_label="Search by name or code",
    filters=(
        Filter("state", "State", lambda rows, value: rows.filter(state=value), lambda _: ChangeState.choices),
        Filter("kind", "Kind", lambda rows, value: rows.filter(kind=value), lambda _: ChangeKind.choices),
    ),
)  # fmt: skip


@page(Area.PROGRAM)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List scheduled changes."""
    return list_page(request, actor, SCHEDULED, can_add=False)


@page(Area.PROGRAM)
def show(request: HttpRequest, actor: Actor, change_id: UUID) -> HttpResponse:
    """Show a scheduled change. A POST cancels it."""
    row = scheduled_change_of(actor, change_id)
    if request.method == "POST":
        try:
            cancel_change(actor, change_id)
        except Refused as error:
            messages.error(request, f"Not cancelled: {error}.")
        else:
            messages.success(request, "The change is cancelled.")
        return HttpResponseRedirect(request.path)
    context = {
        "row": row, "title": str(row), "badge": state_tone(row.state), "object": address_of(row),
        "crumbs": [("Scheduled changes", reverse("console_scheduled"))],
        "may_cancel": row.state == ChangeState.SCHEDULED and actor.may(Area.LINKS, Action.WRITE),
        "facts": [
            ("When", local_text(row.at)), ("Kind", row.get_kind_display()), ("Reason", row.reason),
            ("Scheduled by", row.actor_name), ("Scheduled", local_text(row.created)),
            ("Ended", local_text(row.finished) if row.finished else ""), ("Result", row.result),
        ],
    }  # fmt: skip
    return render(request, "console/scheduled_change.html", context)


def waiting_of(actor: Actor, kind: str, object_id: str) -> list[dict[str, Any]]:
    """Return the next changes of one object, for its page."""
    rows = scheduled_changes(actor).filter(kind=kind, object_id=object_id, state=ChangeState.SCHEDULED).order_by("at")
    return [
        {
            "title": row.to.capitalize(), "text": local_text(row.at), "icon": "clock",
            "href": reverse("console_scheduled_change", args=[row.pk]),
        }
        for row in rows[:_OF_OBJECT_ROWS]
    ]  # fmt: skip
