"""Bounds on what is kept: by age, by number for each webhook, and nothing of a deleted one. In short transactions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from control.audit.origin import current_origin
from control.changes import changing
from control.configuration import current_configuration
from control.webhooks.delivering import disable, tell_owner
from control.webhooks.models import (
    WITHOUT_EVENTS,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Webhook,
    WebhookEvent,
    WebhookStatus,
)

DROP_ROWS = 1_000
"""Rows that one transaction deletes."""
WAITING_ROWS_MAX = 1_000_000
"""A webhook for which more events wait is disabled, whatever the settings say."""


def drop_old_events(now: datetime) -> None:
    """Delete events that are older than the log, with their deliveries."""
    age_s = current_configuration().settings.webhooks.log_age_max_s
    old = WebhookEvent.objects.filter(at__lt=now - timedelta(seconds=age_s)).order_by("sequence")
    while keys := list(old.values_list("pk", flat=True)[:DROP_ROWS]):
        with transaction.atomic():
            _drop_deliveries(Delivery.objects.filter(event__in=keys))
            WebhookEvent.objects.filter(pk__in=keys)._raw_delete("default")


def remove_webhook(webhook_id: UUID) -> None:
    """Delete the deliveries of a webhook that was deleted, then its row."""
    gone = QuerySet[Webhook](Webhook).filter(pk=webhook_id, status=WebhookStatus.DELETED)
    if gone.exists():
        while _drop_some(Delivery.objects.filter(webhook=webhook_id), DROP_ROWS):
            pass
        gone._raw_delete("default")


def bound_webhook(webhook: Webhook) -> None:
    """Delete finished deliveries beyond the bound; pause the webhook and tell its owner if too many wait.

    The oldest delivered ones go first, then the oldest failed ones. Those that wait are never deleted.
    """
    rows_max = current_configuration().settings.webhooks.deliveries_max
    of_webhook = Delivery.objects.filter(webhook=webhook)
    waiting = of_webhook.filter(state=DeliveryState.PENDING).order_by()
    if waiting[WAITING_ROWS_MAX : WAITING_ROWS_MAX + 1].exists():
        disable(webhook, f"more than {WAITING_ROWS_MAX:,} events wait for it")
    elif waiting[rows_max : rows_max + 1].exists():
        _pause(webhook, rows_max)
    elif webhook.full_since is not None:
        Webhook.objects.filter(pk=webhook.pk).update(full_since=None)
    counts = {
        state: of_webhook.filter(state=state).count() for state in (DeliveryState.DELIVERED, DeliveryState.FAILED)
    }
    beyond = sum(counts.values()) - rows_max
    for state, count in counts.items():
        left = min(count, beyond)
        beyond -= max(left, 0)
        while left > 0 and (dropped := _drop_some(of_webhook.filter(state=state), min(left, DROP_ROWS))):
            left -= dropped


def bound_all() -> None:
    """Bound what is kept for each webhook."""
    for webhook in Webhook.objects.exclude(status__in=WITHOUT_EVENTS):
        bound_webhook(webhook)


def _drop_some(rows: QuerySet[Delivery], rows_max: int) -> int:
    """Delete the oldest of some deliveries, and events that no other webhook has; return their number."""
    with transaction.atomic():
        oldest = list(rows.order_by("id").values_list("pk", "event")[:rows_max])
        _drop_deliveries(Delivery.objects.filter(pk__in=[key for key, _ in oldest]))
        _drop_unused({event for _, event in oldest})
    return len(oldest)


def _drop_deliveries(rows: QuerySet[Delivery]) -> None:
    DeliveryAttempt.objects.filter(delivery__in=rows.values("pk")).order_by()._raw_delete("default")
    rows.order_by()._raw_delete("default")


def _drop_unused(events: set[int]) -> None:
    used = Delivery.objects.filter(event__in=events).values_list("event", flat=True).distinct()
    unused: Sequence[int] = sorted(events - set(used))
    WebhookEvent.objects.filter(pk__in=unused)._raw_delete("default")


def _pause(webhook: Webhook, rows_max: int) -> None:
    """Pause a webhook, and tell its owner once. One that a person has paused is told of too."""
    with changing(current_origin(), f"{webhook} is paused: more than {rows_max:,} events wait for it"):
        row = Webhook.objects.select_for_update().filter(pk=webhook.pk, full_since=None).first()
        if row is None or row.status in WITHOUT_EVENTS:
            return
        row.status, row.full_since = WebhookStatus.PAUSED, timezone.now()
        row.save(update_fields=["status", "full_since"])
        tell_owner(row, f"more than {rows_max:,} events wait for it")
