"""Tasks of the webhooks."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone

from control.jobs.models import OPEN_STATES, Job
from control.jobs.queue import enqueue
from control.jobs.registry import JobRun, task
from control.webhooks import bounds
from control.webhooks.delivering import deliver_due, due_webhooks
from control.webhooks.models import WITHOUT_EVENTS, Webhook, WebhookStatus
from control.webhooks.services import REMOVE_TASK
from runtime.clock import SystemClock


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


@task("webhooks.drop_old", every_s=3_600, runs_while_off=True)
def drop_old(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Delete events that are older than the log, and what is left of deleted webhooks."""
    bounds.drop_old_events(timezone.now())
    for webhook in Webhook.objects.filter(status=WebhookStatus.DELETED).values_list("pk", flat=True):
        bounds.remove_webhook(webhook)


@task("webhooks.bound", every_s=300, is_needed=lambda: Webhook.objects.exclude(status__in=WITHOUT_EVENTS).exists())
def bound(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Delete finished deliveries beyond the bound, and pause webhooks for which too many events wait."""
    bounds.bound_all()


@task(REMOVE_TASK, runs_while_off=True)
def remove(_run: JobRun, arguments: Mapping[str, Any]) -> None:
    """Delete the deliveries of a webhook that was deleted, then its row."""
    bounds.remove_webhook(UUID(arguments["webhook"]))
