"""Queries on exports."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.errors import NotFound
from control.exports.models import Export


def exports(actor: Actor) -> QuerySet[Export]:
    """Return the exports of the actor that have not expired. Nobody else reads them: rights differ."""
    return _kept().filter(creator_kind=actor.kind, creator_id=actor.id, partner=actor.partner)


def shown_exports(actor: Actor) -> QuerySet[Export]:
    """Return the exports that the actor may see and delete: the own ones, and everybody's for administrators."""
    if actor.is_operator and actor.may(Area.SETTINGS, Action.WRITE):
        return _kept()
    return exports(actor)


def one_export(actor: Actor, export_id: UUID) -> Export:
    """Return one of the actor's exports. Raises NotFound."""
    return _one(exports(actor), export_id)


def shown_export(actor: Actor, export_id: UUID) -> Export:
    """Return an export that the actor may delete. Raises NotFound."""
    return _one(shown_exports(actor), export_id)


def _kept() -> QuerySet[Export]:
    return Export.objects.select_related("file").filter(expires__gt=timezone.now())


def _one(rows: QuerySet[Export], export_id: UUID) -> Export:
    found = rows.filter(pk=export_id).first()
    if found is None:
        raise NotFound(f"there is no export {export_id}")
    return found
