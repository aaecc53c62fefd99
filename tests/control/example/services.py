"""Changes of notes. Each function is one change: rights, transaction, audit."""

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import changing
from control.errors import validate
from control.partners.access import check_partners
from tests.control.example.models import Note


def add_note(actor: Actor, partner: int, text: str) -> Note:
    """Store a note about a partner. Raises Forbidden, NotFound, Invalid."""
    check_partners(actor, Area.TICKETS, Action.WRITE, partner)
    with changing(actor):
        note = Note(partner_id=partner, text=text.strip(), author=(actor.name or actor.kind)[:254])
        validate(note)
        note.save(force_insert=True)
    return note
