"""Audit events as a time line."""

from collections.abc import Iterable
from typing import Any

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.models import AuditEvent
from control.console.differences import action_tone, differences, names_of_people, sentence, summary, verb
from control.ui.addresses import page_address

_ICONS = {"created": "plus", "updated": "pencil", "deleted": "trash"}


def timeline(events: Iterable[AuditEvent], actor: Actor) -> list[dict[str, Any]]:
    """Return events of one object, each with its differences."""
    found = list(events)
    names = names_of_people(found)
    may_open = actor.may(Area.AUDIT, Action.READ)
    return [
        {
            "title": verb(event.action).capitalize(),
            "time": event.at,
            "who": event.actor_name or event.actor_kind,
            "text": event.reason,
            "icon": _ICONS.get(event.action, "point"),
            "tone": action_tone(event.action),
            "changes": differences(event, names),
            "is_new": event.action == "created",
            "href": page_address("console_audit_event", event.pk) if may_open else "",
        }
        for event in found
    ]


def recent(events: Iterable[AuditEvent]) -> list[dict[str, Any]]:
    """Return events of many objects, each as a sentence."""
    found = list(events)
    names = names_of_people(found)
    return [
        {
            "title": sentence(event), "text": summary(event, names) or event.reason, "end": event.at,
            "href": page_address("console_audit_event", event.pk), "icon": _ICONS.get(event.action, "point"),
        }
        for event in found
    ]  # fmt: skip
