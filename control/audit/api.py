"""API: the audit trail."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from control.accounts.actor import Actor
from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, exactly, page
from control.audit.models import AuditEvent
from control.audit.selectors import AuditFilter
from control.audit.selectors import audit_events as found_events
from control.errors import NotFound
from control.filters import From, To

audit_events = Router(tags=["audit-events"])
_ORDERS = Orders({"id": "id"}, "-id")
_ID_MAX = 2**63 - 1


class ActorOut(Schema):
    """Actor of an event."""

    kind: str
    id: str
    name: str


class AuditEventOut(Schema):
    """One change, or one other act such as a sign-in."""

    id: str
    at: datetime
    actor: ActorOut
    action: str
    object_type: str
    object_id: str
    object_name: str
    partner: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str
    request_id: str
    address: str
    position: int | None = Field(description="Place in the hash chain; null for a few seconds.")
    digest: str


class AuditQuery(PageQuery):
    """Filters of the trail."""

    actor_id: str = Field("", max_length=64)
    actor_kind: str = Field("", max_length=16)
    action: str = Field("", max_length=64)
    object_type: str = Field("", max_length=64)
    object_id: str = Field("", max_length=64)
    object_name: str = Field("", max_length=254)
    partner: int | None = Field(None, ge=1, lt=2**32, description="Partner that the object belongs to.")
    address: str = Field("", max_length=64)
    request_id: str = Field("", max_length=64)
    from_: From = Field("", alias="from")
    to: To = Field("")


class AuditPage(Schema):
    """Page of events."""

    items: list[AuditEventOut]
    next: str | None


def _event(event: AuditEvent) -> AuditEventOut:
    names = ("action", "object_type", "object_id", "object_name", "partner", "before", "after", "reason", "at",
             "request_id", "address", "position", "digest")  # fmt: skip
    actor = ActorOut(kind=event.actor_kind, id=event.actor_id, name=event.actor_name)
    return AuditEventOut(id=str(event.pk), actor=actor, **{name: getattr(event, name) for name in names})


def _filter_of(actor: Actor) -> AuditFilter:
    """Return the filter that keeps an actor to what it may see. Raises Forbidden."""
    actor.require(Area.AUDIT, Action.READ)
    return AuditFilter(partner=actor.partner)


@audit_events.get("", response=answers(AuditPage))
def list_audit_events(request: HttpRequest, query: Query[AuditQuery]) -> HttpResponse:
    """List events, newest first."""
    more = ("object_name", "partner", "address")
    given = query.model_dump(exclude={"limit", "cursor", "order", "from_", "to", *more})
    wanted = replace(_filter_of(actor_of(request)), since=query.from_ or None, until=query.to or None, **given)
    return page(request, exactly(found_events(wanted), query, *more), query, _ORDERS, _event)


@audit_events.get("/{event_id}", response=answers(AuditEventOut, errors=(404,)))
def get_audit_event(request: HttpRequest, event_id: int) -> AuditEventOut:
    """Get one event."""
    visible = found_events(_filter_of(actor_of(request)))
    event = visible.filter(pk=event_id).first() if 0 <= event_id <= _ID_MAX else None
    if event is None:
        raise NotFound(f"there is no audit event {event_id}")
    return _event(event)
