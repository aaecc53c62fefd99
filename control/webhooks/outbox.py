"""Outbox: changes become events, in their transaction, if a webhook has subscribed to them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from django.utils import timezone

from control.audit.event_resources import EventResource, resource_of
from control.audit.origin import current_origin
from control.audit.record import Change, shown_value
from control.modules.states import is_on
from control.webhooks.models import WITHOUT_EVENTS, Delivery, Webhook, WebhookEvent

OBJECT_BYTES_MAX = 128 * 1024
"""Largest object in an event; of a larger one only the id is sent."""
_SUFFIXES = ("", "_id", "_us", "_e6", "_minor", "_currency")
"""Ends of columns' names that fields of the API lack."""


def store_events(changes: Sequence[Change]) -> None:
    """Store the events of changes, with a delivery for each webhook that wants one."""
    webhooks = list(Webhook.objects.exclude(status__in=WITHOUT_EVENTS).only("events"))
    if not webhooks or not is_on("webhooks"):
        return
    found = [(change, resource) for change in changes if (resource := resource_of(change.object_type)) is not None]
    if not any(wants(webhook, resource.name) for webhook in webhooks for _, resource in found):
        return
    shown = _shown(found)
    for change, resource in found:
        row = shown.get((resource.name, change.object_id))
        if row is not None:
            for kind, more in _events(change, resource, row):
                store_event(webhooks, f"{resource.name}.{kind}", change.object_id, _data(row, more))


def store_event(webhooks: Sequence[Webhook], kind: str, object_id: str, data: Mapping[str, Any]) -> list[Delivery]:
    """Store one event with a delivery for each webhook that wants it."""
    wanted = [webhook for webhook in webhooks if wants(webhook, kind)]
    if not wanted:
        return []
    event = WebhookEvent.objects.create(type=kind, object_id=object_id, data=data)
    now = timezone.now()
    deliveries = [Delivery(webhook=webhook, event=event, next_at=now, created=now) for webhook in wanted]
    return Delivery.objects.bulk_create(deliveries)


def wants(webhook: Webhook, kind: str) -> bool:
    """Return whether a webhook wants a type of event, or some event of a resource."""
    resource = kind.partition(".")[0]
    if kind == resource:
        return any(entry == "*" or entry.partition(".")[0] == resource for entry in webhook.events)
    return any(entry in ("*", kind, f"{resource}.*") for entry in webhook.events)


def body_of(event: WebhookEvent) -> bytes:
    """Return the content of the requests of an event; the same in each attempt."""
    at = event.at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    content = {"type": event.type, "timestamp": at, "sequence": event.sequence, "data": event.data}
    return orjson.dumps(content)


def _shown(found: Sequence[tuple[Change, EventResource]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the objects of changes as the API shows them."""
    ids: dict[str, tuple[EventResource, list[str]]] = {}
    for change, resource in found:
        ids.setdefault(resource.name, (resource, []))[1].append(change.object_id)
    shown = {}
    for resource, keys in ids.values():
        for key, row in resource.show(keys).items():
            shown[resource.name, key] = row
    return shown


def _events(change: Change, resource: EventResource, row: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the events of a change: their kinds, and what they tell besides the object."""
    for kind, columns in resource.kinds_of(change):
        if columns == [resource.status]:
            previous = shown_value(resource.status, (change.before or {}).get(resource.status))
            yield kind, {"changed": columns, "previous": {resource.status: previous}}
        elif not columns:
            yield kind, {}
        elif fields := sorted({field for column in columns if (field := _field(column, row))}):
            yield kind, {"changed": fields}


def _field(column: str, row: Mapping[str, Any]) -> str:
    """Return the field of the API that shows a column; empty if there is none."""
    for suffix in _SUFFIXES:
        name = column.removesuffix(suffix)
        if column.endswith(suffix) and name in row:
            return name
    return ""


def _data(row: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    origin = current_origin()
    shortened = len(orjson.dumps(row)) > OBJECT_BYTES_MAX
    return {
        "object": {name: row[name] for name in ("id", "seq", "code") if name in row} if shortened else dict(row),
        **({"shortened": True} if shortened else {}),
        **more,
        "actor": {"kind": str(origin.kind), "id": origin.id, "name": origin.name},
        "reason": origin.reason,
        "request_id": origin.request_id,
    }
