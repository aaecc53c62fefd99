"""Timeline of a partner: notes, changes of state and changes of fields."""

from typing import Any

from control.accounts.actor import Actor
from control.audit.models import AuditEvent
from control.audit.selectors import history_of
from control.console.differences import action_tone, names_of_people, summary, verb
from control.modules.states import is_on
from control.partners.models import Partner
from control.partners.selectors import sees_personal_data
from control.partners.states import PartnerStatus
from control.timeline.models import Audience, Note
from control.timeline.selectors import visible_notes
from control.ui.states import state_tone

ITEMS_MAX = 30
"""Most items of a timeline; each of its sources is asked for as many."""


def partner_timeline(actor: Actor, partner: Partner) -> list[dict[str, Any]]:
    """Return the latest notes and changes of a partner that the actor may see, newest first."""
    items = _states(partner)
    if sees_personal_data(actor):
        items += _changes(partner)
    if is_on("timeline"):
        notes = visible_notes(actor).filter(object_type="partner", object_id=str(partner.number))
        items += [_note(note) for note in notes[:ITEMS_MAX]]
    items.sort(key=lambda item: item["time"], reverse=True)
    return items[:ITEMS_MAX]


def _note(note: Note) -> dict[str, Any]:
    people = ", ".join(str(mention.user) for mention in note.mentions.all())
    is_shared = note.audience == Audience.SHARED
    return {
        "title": "Note, shared with the partner" if is_shared else "Note", "time": note.created, "text": note.text,
        "who": f"{note.author}, for {people}" if people else note.author, "icon": "mail" if is_shared else "pencil",
        "tone": "info",
    }  # fmt: skip


def _states(partner: Partner) -> list[dict[str, Any]]:
    return [
        {
            "title": PartnerStatus(change.new).label, "time": change.at, "text": change.reason, "who": change.actor,
            "tone": state_tone(change.new),
        }
        for change in partner.transitions.order_by("-id")[:ITEMS_MAX]
    ]  # fmt: skip


def _changes(partner: Partner) -> list[dict[str, Any]]:
    """Return changes of fields. The state is left out: its changes have items of their own."""
    events = [event for event in history_of("partners.partner", str(partner.number))[:ITEMS_MAX] if _is_shown(event)]
    names = names_of_people(events)
    return [
        {
            "title": verb(event.action).capitalize(), "time": event.at, "text": summary(event, names),
            "who": event.actor_name or event.actor_kind, "tone": action_tone(event.action),
        }
        for event in events
    ]  # fmt: skip


def _is_shown(event: AuditEvent) -> bool:
    return event.action != "created" and {*(event.after or {})} != {"status"}
