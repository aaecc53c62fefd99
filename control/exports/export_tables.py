"""Objects as tables of exports, with the columns that imports read and the filters of their lists."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action
from control.exports.registry import Opened, register
from control.imports.fields import Field
from control.imports.resource import Resource
from control.imports.resources import RESOURCES
from control.partners.selectors import sees_personal_data

_READ_ROWS = 2_000
_PREFIX = "filters."


class ObjectTable:
    """Objects of one type."""

    def __init__(self, resource: Resource[Any]) -> None:
        self.key, self._resource = resource.key, resource

    def check(self, actor: Actor, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Check the right to read the objects, and the filters. Raises Forbidden, Invalid."""
        actor.require(self._resource.area, Action.READ)
        self._resource.filters.read(filters, _PREFIX)
        return dict(filters)

    def title(self, _filters: Mapping[str, Any]) -> str:
        """Return the name of the type."""
        return self._resource.nouns.capitalize()

    def open(self, actor: Actor, filters: Mapping[str, Any]) -> Opened:
        """Begin to read the objects that the actor may see."""
        wanted = self._resource.filters.read(filters, _PREFIX)
        rows = self._resource.filters.apply(actor, self._resource.visible(actor), wanted)
        own = exported_fields(self._resource, actor)
        # Fields with names of one's own are internal and personal.
        names = own_names(self._resource, rows) if actor.is_operator and sees_personal_data(actor) else []
        columns = [*own, *names]
        head = [field.key for field in columns]
        return Opened(head, _lines(self._resource, rows, columns), rows.order_by().count())


def exported_fields(resource: Resource[Any], actor: Actor) -> list[Field]:
    """Return the fields that an actor may see."""
    fields = [own for own in resource.fields if own.is_exported and (actor.is_operator or not own.internal)]
    return fields if sees_personal_data(actor) else [own for own in fields if not own.personal]


def own_names(resource: Resource[Any], rows: QuerySet[Any]) -> list[Field]:
    """Return the fields with names of one's own that the rows have."""
    found: dict[str, None] = {}
    for prefix in resource.own_names:
        values = rows.exclude(**{prefix: {}}).order_by().values_list(prefix, flat=True)
        for texts in values.iterator(chunk_size=_READ_ROWS):
            found.update(dict.fromkeys(f"{prefix}:{name}" for name in texts))
    fields = [resource.field(key) for key in sorted(found)[:100]]
    return [own for own in fields if own is not None]


def _lines(resource: Resource[Any], rows: QuerySet[Any], columns: Sequence[Field]) -> Iterator[list[str]]:
    for row in rows.order_by("pk").iterator(chunk_size=_READ_ROWS):
        yield [own.show(resource.value(row, own.key)) for own in columns]


for one in RESOURCES.values():
    register(ObjectTable(one))
