"""Queries on imports."""

from uuid import UUID

from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.errors import NotFound
from control.imports.models import Import, ImportRow
from control.imports.resources import RESOURCES
from control.modules.states import is_on
from control.partners.access import require_operator


def require_imports(actor: Actor) -> None:
    """Check that an actor may import anything. Raises Forbidden."""
    require_operator(actor, Area.PARTNERS, Action.WRITE)


def importable(actor: Actor) -> list[str]:
    """Return the types that an actor may import; none while the module is off."""
    if not actor.is_operator or not is_on("imports"):
        return []
    return [key for key, resource in RESOURCES.items() if actor.may(resource.area, resource.action)]


def imports(actor: Actor) -> QuerySet[Import]:
    """Return the imports that an actor may see: the own ones, or all for those who read the audit trail.

    Raises Forbidden.
    """
    require_imports(actor)
    rows = Import.objects.select_related("file")
    if actor.may(Area.AUDIT, Action.READ):
        return rows
    return rows.filter(creator_kind=actor.kind, creator_id=actor.id)


def one_import(actor: Actor, import_id: UUID) -> Import:
    """Return one import. Raises Forbidden, NotFound."""
    found = imports(actor).filter(pk=import_id).first()
    if found is None:
        raise NotFound(f"there is no import {import_id}")
    return found


def rows_of(found: Import, outcome: str = "", state: str = "") -> QuerySet[ImportRow]:
    """Return the rows of an import in the order of the file."""
    rows = ImportRow.objects.filter(source=found).order_by("number")
    if outcome:
        rows = rows.filter(outcome=outcome)
    return rows.filter(state=state) if state else rows
