"""Replay: events that were sent, or that failed, are sent again with the same webhook-id."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.record import Change, record
from control.changes import changing, locked
from control.errors import Conflict, FieldError, Invalid, NotFound
from control.webhooks.models import Delivery, DeliveryState, Webhook
from control.webhooks.services import active_webhook

REPLAY_ROWS_MAX = 100_000
"""Most deliveries that are sent again at once: they are changed in one statement."""
_FINISHED = (DeliveryState.DELIVERED, DeliveryState.FAILED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Deliveries to send again: finished ones that fit all that is given."""

    state: str = DeliveryState.FAILED
    """delivered or failed; both if it is empty."""
    type: str = ""
    since: datetime | None = None
    """Only events of this time or later."""
    until: datetime | None = None
    """Only events before this time."""
    ids: Sequence[int] | None = None

    def of(self, webhook: Webhook) -> QuerySet[Delivery]:
        """Return those of one webhook. Raises Invalid."""
        if self.state and self.state not in _FINISHED:
            raise Invalid(FieldError("state", "must be delivered or failed; pending ones are sent anyway"))
        rows = Delivery.objects.filter(webhook=webhook, state__in=[self.state] if self.state else _FINISHED)
        if self.type:
            rows = rows.filter(event__type=self.type)
        if self.since is not None:
            rows = rows.filter(created__gte=self.since)
        if self.until is not None:
            rows = rows.filter(created__lt=self.until)
        return rows if self.ids is None else rows.filter(pk__in=self.ids)


def replay(actor: Actor, webhook_id: UUID, delivery_id: int) -> Delivery:
    """Send one event again, whatever became of it. Raises Forbidden, NotFound, Conflict."""
    actor.require(Area.SETTINGS, Action.WRITE)
    with changing(actor):
        webhook = active_webhook(webhook_id)
        delivery = locked(Delivery, "delivery", pk=delivery_id, webhook=webhook)
        _again(webhook, Delivery.objects.filter(pk=delivery.pk))
        delivery.refresh_from_db()
    return delivery


def replay_many(actor: Actor, webhook_id: UUID, wanted: Wanted | None = None) -> int:
    """Send many events again, all that failed if nothing is given; return their number.

    Raises Forbidden, NotFound, Invalid, Conflict.
    """
    actor.require(Area.SETTINGS, Action.WRITE)
    with changing(actor):
        webhook = active_webhook(webhook_id)
        rows = (wanted or Wanted()).of(webhook)
        if rows.order_by("pk")[REPLAY_ROWS_MAX : REPLAY_ROWS_MAX + 1].exists():
            raise Conflict(f"more than {REPLAY_ROWS_MAX:,} deliveries fit; give a shorter time, or a type of event")
        return _again(webhook, rows)


def replay_listed(actor: Actor, delivery_ids: Sequence[int]) -> dict[int, str]:
    """Send these events again, with one entry in the audit trail for each webhook; return why others are not sent.

    Raises Forbidden.
    """
    actor.require(Area.SETTINGS, Action.WRITE)
    refused = {number: f"there is no delivery {number}" for number in delivery_ids}
    by_webhook: dict[UUID, list[int]] = {}
    for number, webhook_id in Delivery.objects.filter(pk__in=delivery_ids).order_by("pk").values_list("pk", "webhook"):
        by_webhook.setdefault(webhook_id, []).append(number)
    for webhook_id, numbers in by_webhook.items():
        try:
            with changing(actor):
                webhook = active_webhook(webhook_id)
                _again(webhook, Delivery.objects.filter(pk__in=numbers), numbers)
        except (Conflict, NotFound) as error:
            refused |= dict.fromkeys(numbers, str(error))
        else:
            for number in numbers:
                del refused[number]
    return refused


def count_of(actor: Actor, webhook_id: UUID, wanted: Wanted) -> int:
    """Count the events that `replay_many` would send again. Raises Forbidden, NotFound, Invalid."""
    actor.require(Area.SETTINGS, Action.READ)
    return wanted.of(Webhook(pk=webhook_id)).count()


def _again(webhook: Webhook, rows: QuerySet[Delivery], ids: Sequence[int] = ()) -> int:
    count = rows.update(state=DeliveryState.PENDING, next_at=timezone.now(), attempts=0, finished=None)
    after = {"deliveries": count, **({"ids": [*ids]} if ids else {})}
    record(Change("replayed", Webhook._meta.label_lower, str(webhook.pk), webhook.url, after=after))
    return count
