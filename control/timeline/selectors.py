"""Notes that an actor may see: the one place that filters them."""

from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.partners.access import sees_all, visible_partners
from control.partners.selectors import sees_personal_data
from control.timeline.models import Audience, Note


def visible_notes(actor: Actor) -> QuerySet[Note]:
    """Return the notes that the actor may read. Raises Forbidden.

    A partner's people see the notes that are shared with them. Notes can hold personal data: roles that see none of it
    see no notes.
    """
    partners = visible_partners(actor, Area.PARTNERS, Action.READ)
    notes = Note.objects.prefetch_related("mentions__user")
    if not sees_personal_data(actor):
        return notes.none()
    if not actor.is_operator:
        return notes.filter(partner__in=partners, audience=Audience.SHARED)
    return notes if sees_all(actor, Area.PARTNERS) else notes.filter(partner__in=partners)
