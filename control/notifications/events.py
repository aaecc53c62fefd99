"""Listeners to changes in this process, in the transaction of the change.

A function in a module `listeners` of an app, below `@on("partner.status_changed")`, is called for each such event. The
types of events are those of webhooks. If it raises, the change is undone. Listeners of a module that is off rest.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.utils.module_loading import autodiscover_modules

from control.audit.event_resources import is_event_type, resource_of
from control.audit.record import Change
from control.modules.config import ModuleConfig
from control.modules.states import is_on

CHAIN_EVENTS_MAX = 8
"""Longest chain of changes that listeners make because of changes of listeners."""
_depth: ContextVar[int] = ContextVar("depth of listeners", default=0)


@dataclass(frozen=True, slots=True)
class Event:
    """A change, as listeners get it. The actor is `control.audit.origin.current_origin()`."""

    type: str
    object_id: str
    object_name: str
    partner: int | None
    """Number of the partner that the object belongs to."""
    changed: tuple[str, ...]
    """Columns that the event tells of; none for objects that were made or deleted."""
    before: Mapping[str, Any]
    """Values of columns before; of a changed object, only of those that changed."""
    after: Mapping[str, Any]


Listener = Callable[[Event], None]


class ListenersCallEachOther(RuntimeError):
    """Listeners make changes to which listeners answer with changes, without end."""


_listeners: dict[str, list[Listener]] = defaultdict(list)


def on(*types: str) -> Callable[[Listener], Listener]:
    """Call a function with each event of some types; `partner.*` means all of a resource. Raises ValueError."""
    for entry in types:
        if not is_event_type(entry):
            raise ValueError(f"{entry} is not a type of events; see event_resources of the apps")

    def register(listener: Listener) -> Listener:
        for entry in types:
            _listeners[entry].append(listener)
        return listener

    return register


@lru_cache(maxsize=1)
def load_listeners() -> None:
    """Import the listeners of all apps, once."""
    autodiscover_modules("listeners")


def publish(changes: Sequence[Change]) -> None:
    """Call the listeners of some changes. Raises ListenersCallEachOther."""
    load_listeners()
    if not _listeners:
        return
    for change in changes:
        resource = resource_of(change.object_type)
        if resource is None:
            continue
        for kind, columns in resource.kinds_of(change):
            name = f"{resource.name}.{kind}"
            if listeners := [*_listeners.get(name, ()), *_listeners.get(f"{resource.name}.*", ())]:
                _call(listeners, _event(name, change, columns))


def _event(kind: str, change: Change, columns: Sequence[str]) -> Event:
    return Event(
        kind, change.object_id, change.object_name, change.partner, tuple(columns), change.before or {},
        change.after or {},
    )  # fmt: skip


def _call(listeners: Sequence[Listener], event: Event) -> None:
    depth = _depth.get()
    if depth >= CHAIN_EVENTS_MAX:
        raise ListenersCallEachOther(f"{event.type} is the end of {depth} changes, each made because of the one before")
    token = _depth.set(depth + 1)
    try:
        for listener in listeners:
            module = _module_of(listener)
            if module is None or is_on(module):
                listener(event)
    finally:
        _depth.reset(token)


@lru_cache(maxsize=1_024)
def _module_of(listener: Listener) -> str | None:
    app = apps.get_containing_app_config(listener.__module__)
    return app.label if isinstance(app, ModuleConfig) else None
