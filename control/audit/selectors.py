"""Queries on the audit trail."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.models import AuditEvent


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Filter of a search; an empty field filters nothing."""

    q: str = ""
    """Text in the names of actor and object, in the action, or in the reason."""
    actor_id: str = ""
    actor_kind: str = ""
    action: str = ""
    object_type: str = ""
    object_id: str = ""
    request_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    partner: int | None = None


_EXACT = ("actor_id", "actor_kind", "action", "object_type", "object_id", "request_id")


def audit_events(wanted: AuditFilter) -> QuerySet[AuditEvent]:
    """Return the events that match, newest first."""
    events = AuditEvent.objects.order_by("-id")
    for name in _EXACT:
        if value := getattr(wanted, name):
            events = events.filter(**{name: value})
    if wanted.partner is not None:
        events = events.filter(partner=wanted.partner)
    if wanted.since is not None:
        events = events.filter(at__gte=wanted.since)
    if wanted.until is not None:
        events = events.filter(at__lt=wanted.until)
    return search_events(events, wanted.q)


def history_of(object_type: str, object_id: str) -> QuerySet[AuditEvent]:
    """Return the events of one object, newest first."""
    return audit_events(AuditFilter(object_type=object_type, object_id=object_id))


def visible_events(actor: Actor) -> QuerySet[AuditEvent]:
    """Return the events that the actor may see: all, or those of the own partner. Raises Forbidden."""
    actor.require(Area.AUDIT, Action.READ)
    return audit_events(AuditFilter(partner=actor.partner))


def search_events(events: QuerySet[AuditEvent], text: str) -> QuerySet[AuditEvent]:
    """Return the events whose actor, object, action or reason contains every word."""
    for word in text.split():
        in_text = Q(actor_name__icontains=word) | Q(object_name__icontains=word) | Q(reason__icontains=word)
        events = events.filter(in_text | Q(action__icontains=word) | Q(object_id=word))
    return events
