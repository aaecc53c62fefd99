"""Kinds of events: for each resource, which changes are events, and how the API shows its objects.

An app declares its own as `event_resources` of its AppConfig. Webhooks and listeners in this process get the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.utils.module_loading import import_string

if TYPE_CHECKING:  # apps are read before there are models, and commands without webhooks need no API
    from ninja import Schema

    from control.audit.record import Change

CHANGES = ("created", "changed", "deleted")
STATUS_CHANGES = ("created", "changed", "status_changed", "deleted")


@dataclass(frozen=True, slots=True)
class EventResource:
    """A kind of object whose changes are events."""

    name: str
    model: str
    """Model of the rows, such as `partners.Partner`."""
    shown_by: str
    """Dotted path of the function that shows a row as the API does to operators."""
    acts: Mapping[str, str] = field(default_factory=lambda: {"created": "created", "deleted": "deleted"})
    """Kinds of events by the actions of the audit trail that are events."""
    status: str = ""
    """Column whose change is an event: `status_changed`, or the one of the new state in `by_state`."""
    by_state: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = CHANGES
    joined: tuple[str, ...] = ()
    """Related rows that are read with each row."""
    prefetched: tuple[str, ...] = ()

    def show(self, keys: Sequence[str]) -> Mapping[str, dict[str, Any]]:
        """Return objects as the API shows them to operators, by primary key."""
        rows = apps.get_model(self.model)._default_manager.filter(pk__in=keys)
        rows = rows.select_related(*self.joined) if self.joined else rows
        return {str(row.pk): self._show_one(row) for row in rows.prefetch_related(*self.prefetched)}

    def _show_one(self, row: object) -> dict[str, Any]:
        shown: Schema = import_string(self.shown_by)(row)
        return shown.model_dump(mode="json")

    def types(self) -> list[str]:
        """Return the types of its events."""
        return [f"{self.name}.{kind}" for kind in self.kinds]

    def kinds_of(self, change: "Change") -> list[tuple[str, list[str]]]:
        """Return the kinds of the events of a change, each with the columns that it tells of."""
        if kind := self.acts.get(change.action):
            return [(kind, [])]
        if change.action != "updated":
            return []
        after = change.after or {}
        found = []
        if self.status in after:
            kind = self.by_state.get(str(after[self.status]), "") if self.by_state else "status_changed"
            if kind:
                found.append((kind, [self.status]))
        others = [column for column in after if column != self.status]
        if others and "changed" in self.kinds:
            found.append(("changed", others))
        return found


@lru_cache(maxsize=1)
def event_resources() -> tuple[EventResource, ...]:
    """Return the resources of all installed apps."""
    return tuple(one for app in apps.get_app_configs() for one in getattr(app, "event_resources", ()))


@lru_cache(maxsize=1)
def _by_model() -> Mapping[str, EventResource]:
    return {resource.model.lower(): resource for resource in event_resources()}


def resource_of(object_type: str) -> EventResource | None:
    """Return the resource of an object of the audit trail; None if its changes are no events."""
    return _by_model().get(object_type)


def event_types() -> list[str]:
    """Return all types of events."""
    return [kind for resource in event_resources() for kind in resource.types()]


def is_event_type(entry: str) -> bool:
    """Return whether a text names a type of events, or all of a resource."""
    return entry in event_types() or entry in {f"{resource.name}.*" for resource in event_resources()}
