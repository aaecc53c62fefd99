"""Notes that an actor may see: the one place that filters them."""

from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.partners.access import visible_partners
from tests.control.example.models import Note


def visible_notes(actor: Actor) -> QuerySet[Note]:
    """Return the notes about partners whose tickets the actor may read. Raises Forbidden."""
    partners = visible_partners(actor, Area.TICKETS, Action.READ)
    return Note.objects.filter(partner__in=partners).select_related("partner")
