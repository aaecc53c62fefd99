"""Writing of audit events, always in the transaction of the change."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from control.audit.models import AuditEvent
from control.audit.origin import current_origin

HIDDEN = "(hidden)"
_SECRET_NAME = re.compile(r"password|secret|token|digest|private|recovery", re.IGNORECASE)
_TEXT_CHARS_MAX = 4_000
_BATCH_ROWS = 500


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one object."""

    action: str
    object_type: str
    object_id: str
    object_name: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    partner: int | None = None


_listeners: list[Callable[[Sequence[Change]], None]] = []


def on_changes(listener: Callable[[Sequence[Change]], None]) -> None:
    """Call a function with the changes that are recorded, in their transaction."""
    _listeners.append(listener)


def record(*changes: Change) -> None:
    """Record changes that were made, in the open transaction. Raises OriginMissing."""
    record_all(changes)


def record_all(changes: Iterable[Change]) -> None:
    """Record many changes. Raises OriginMissing."""
    found = list(changes)
    if not found:
        return
    origin, now = current_origin(), timezone.now()
    events = [
        AuditEvent(
            at=now, actor_kind=origin.kind, actor_id=origin.id, actor_name=origin.name[:254], action=change.action,
            object_type=change.object_type, object_id=change.object_id, object_name=change.object_name[:254],
            partner=change.partner, before=_shown(change.before), after=_shown(change.after),
            reason=origin.reason[:_TEXT_CHARS_MAX], request_id=origin.request_id, address=origin.address, digest="",
        )
        for change in found
    ]  # fmt: skip
    with transaction.atomic():
        AuditEvent.objects.bulk_create(events, batch_size=_BATCH_ROWS)
        for listener in _listeners:
            listener(found)


def _shown(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else {name: shown_value(name, value) for name, value in values.items()}


def shown_value(name: str, value: Any) -> Any:
    """Return a value as JSON; hide it if its name is that of a secret."""
    if _SECRET_NAME.search(name):
        return HIDDEN if value not in (None, "") else value
    if isinstance(value, Mapping):
        return {str(key): shown_value(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [shown_value(name, inner) for inner in value]
    if value is None or isinstance(value, bool | int):
        return value
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    text = value.isoformat() if isinstance(value, date) else str(value)
    return text if len(text) <= _TEXT_CHARS_MAX else f"{text[:_TEXT_CHARS_MAX]}… ({len(text)} characters)"
