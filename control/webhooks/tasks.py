"""Tasks of the webhooks."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from control.configuration import current_configuration
from control.jobs.models import OPEN_STATES, Job
from control.jobs.queue import enqueue
from control.jobs.registry import JobRun, task
from control.webhooks.delivering import WAITING_ROWS_MAX, deliver_due, disable, due_webhooks
from control.webhooks.models import Delivery, DeliveryState, Webhook, WebhookEvent, WebhookStatus
from runtime.clock import SystemClock

_DROP_ROWS = 1_000


def _key(webhook: UUID) -> str:
    return f"webhook:{webhook}"


def _waiting() -> list[UUID]:
    """Return the webhooks that have something to send and no job that sends it."""
    due = due_webhooks(timezone.now())
    open_jobs = Job.objects.filter(key__in=map(_key, due), state__in=OPEN_STATES)
    busy = set(open_jobs.values_list("key", flat=True)) if due else set()
    return [webhook for webhook in due if _key(webhook) not in busy]


def _is_something_due() -> bool:
    return bool(_waiting())


@task("webhooks.start", every_s=1, is_needed=_is_something_due)
def start(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Ask for a job for each webhook that has something to send; one that runs already is enough."""
    for webhook in _waiting():
        enqueue("webhooks.deliver", {"webhook": str(webhook)}, key=_key(webhook))


@task("webhooks.deliver")
def deliver(_run: JobRun, arguments: Mapping[str, Any]) -> None:
    """Send what is due to one webhook. A crash in between sends an event again, with the same webhook-id."""
    deliver_due(UUID(arguments["webhook"]), SystemClock())


@task("webhooks.drop_old", every_s=3_600)
def drop_old(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Delete events that are older than the log, and disable webhooks for which too much waits."""
    age_s = current_configuration().settings.webhooks.log_age_max_s
    old = WebhookEvent.objects.filter(at__lt=timezone.now() - timedelta(seconds=age_s)).order_by("sequence")
    while keys := list(old.values_list("pk", flat=True)[:_DROP_ROWS]):
        WebhookEvent.objects.filter(pk__in=keys).delete()
    for webhook in Webhook.objects.exclude(status=WebhookStatus.DISABLED):
        waiting = Delivery.objects.filter(webhook=webhook, state=DeliveryState.PENDING)
        if waiting[WAITING_ROWS_MAX : WAITING_ROWS_MAX + 1].exists():
            disable(webhook, f"more than {WAITING_ROWS_MAX:,} events wait for it")
