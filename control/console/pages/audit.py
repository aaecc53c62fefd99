"""Pages of the audit trail."""

from collections.abc import Sequence

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.audit.audited import AuditedModel
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind
from control.audit.selectors import search_events, visible_events
from control.console.access import page
from control.console.differences import (
    action_tone,
    differences,
    names_of_people,
    page_of,
    sentence,
    summary,
    type_text,
    verb,
)
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, Filter, ListColumn, ListSpec, Options
from control.errors import NotFound
from control.filters import start_of_day
from control.ui.addresses import page_address
from control.ui.moments import second_text
from control.ui.table import Cell

_KINDS = {kind.value: kind.value.replace("_", " ").capitalize().replace("Api", "API") for kind in ActorKind}
_OTHERS_SHOWN_MAX = 50


def _when(event: AuditEvent) -> Cell:
    return Cell(second_text(event.at), href=page_address("console_audit_event", event.pk))


def _object(event: AuditEvent) -> Cell:
    return Cell(event.object_name or event.object_id, note=type_text(event.object_type), href=page_of(event))


_COLUMNS: Sequence[ListColumn[AuditEvent]] = (
    ListColumn[AuditEvent]("at", "Time", _when, ("at",), export=lambda row: row.at.isoformat()),
    ListColumn[AuditEvent](
        "actor", "Who", lambda row: Cell(row.actor_name or "Nobody signed in", note=_KINDS.get(row.actor_kind, "")),
        export=lambda row: row.actor_name,
    ),
    ListColumn[AuditEvent](
        "action", "Action", lambda row: Cell(verb(row.action).capitalize(), badge=action_tone(row.action)),
        export=lambda row: row.action,
    ),
    ListColumn[AuditEvent]("object", "Object", _object),
    ListColumn[AuditEvent]("changes", "Changes", lambda row: summary(row, {})),
    ListColumn[AuditEvent]("reason", "Reason", lambda row: row.reason[:200], export=lambda row: row.reason),
    ListColumn[AuditEvent]("type", "Kind of object", lambda row: row.object_type, shown=False),
    ListColumn[AuditEvent]("object_id", "Id of object", lambda row: Cell(row.object_id, code=True), shown=False),
    ListColumn[AuditEvent]("address", "Address", lambda row: row.address, shown=False),
    ListColumn[AuditEvent]("request", "Request", lambda row: Cell(row.request_id, code=True), shown=False),
)  # fmt: skip


def _types(_actor: Actor) -> Options:
    models = [model for model in apps.get_models() if issubclass(model, AuditedModel)]
    return sorted(
        ((model._meta.label_lower, type_text(model._meta.label_lower)) for model in models), key=lambda pair: pair[1]
    )


FILTERS: Sequence[Filter[AuditEvent]] = (
    Filter(
        "action", "Action", lambda rows, value: rows.filter(action=value),
        lambda _: [(action, verb(action).capitalize()) for action in ("created", "updated", "deleted", "replayed")],
    ),
    Filter("type", "Kind of object", lambda rows, value: rows.filter(object_type=value), _types),
    Filter("by", "By", lambda rows, value: rows.filter(actor_kind=value), lambda _: [*_KINDS.items()]),
    Filter("from", "From", lambda rows, day: rows.filter(at__gte=start_of_day(day)), kind="date"),
    Filter("to", "To", lambda rows, day: rows.filter(at__lt=start_of_day(day)), kind="date"),
    Filter("object_id", "Id of the object", lambda rows, value: rows.filter(object_id=value), kind="text"),
    Filter("actor_id", "Id of the actor", lambda rows, value: rows.filter(actor_id=value), kind="text"),
    Filter("request", "Request", lambda rows, value: rows.filter(request_id=value), kind="text"),
)  # fmt: skip

AUDIT: ListSpec[AuditEvent] = ListSpec(
    key="audit",
    title="Audit trail",
    noun="event",
    nouns="events",
    text="Every change with who made it, when and why. Nobody can change or delete an entry.",
    url_name="console_audit",
    rows=visible_events,
    columns=lambda _actor: _COLUMNS,
    empty=Empty("Nothing has happened yet", "Each change of anything appears here.", "history"),
    order="-at",
    search=lambda _actor, rows, text: search_events(rows, text),
    search_label="Search people, objects, reasons",
    filters=FILTERS,
    by_cursor=True,
)


@page(Area.AUDIT)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List audit events."""
    return list_page(request, actor, AUDIT)


@page(Area.AUDIT)
def show(request: HttpRequest, actor: Actor, event_id: int) -> HttpResponse:
    """Show one event: values before and after, and the other events of the same request."""
    event = visible_events(actor).filter(pk=event_id).first()
    if event is None:
        raise NotFound(f"there is no audit event {event_id}")
    others = visible_events(actor).filter(request_id=event.request_id).exclude(pk=event.pk)
    context = {
        "event": event,
        "title": sentence(event),
        "crumbs": [("Audit trail", reverse("console_audit"))],
        "changes": differences(event, names_of_people([event])),
        "object_page": page_of(event),
        "object_history": f"{reverse('console_audit')}?object_id={event.object_id}",
        "facts": [
            ("Time", second_text(event.at) + " UTC"),
            ("Who", event.actor_name or "Nobody signed in"),
            ("By", _KINDS.get(event.actor_kind, event.actor_kind)),
            ("Reason", event.reason),
            ("Object", f"{type_text(event.object_type)} {event.object_id}"),
            ("Address", event.address),
            ("Request", event.request_id),
            ("Place in the chain", str(event.position) if event.position else "Chained in a moment"),
            ("Digest", event.digest[:16]),
        ],
        "others": [
            {"title": sentence(other), "href": page_address("console_audit_event", other.pk), "icon": "history"}
            for other in (others[:_OTHERS_SHOWN_MAX] if event.request_id else ())
        ],
    }
    return render(request, "console/audit_event.html", context)
