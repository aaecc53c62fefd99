"""Queries on exports."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from control.accounts.actor import Actor
from control.errors import NotFound
from control.exports.models import Export


def exports(actor: Actor) -> QuerySet[Export]:
    """Return the exports of the actor that have not expired. Nobody else sees them: rights differ."""
    mine = Export.objects.select_related("file").filter(creator_kind=actor.kind, creator_id=actor.id)
    return mine.filter(partner=actor.partner, expires__gt=timezone.now())


def one_export(actor: Actor, export_id: UUID) -> Export:
    """Return one export. Raises NotFound."""
    found = exports(actor).filter(pk=export_id).first()
    if found is None:
        raise NotFound(f"there is no export {export_id}")
    return found
