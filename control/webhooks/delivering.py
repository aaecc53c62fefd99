"""Deliveries: what is due to one webhook is sent in turn, and what fails is tried again later."""

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from control.audit.origin import current_origin
from control.changes import changing
from control.configuration import current_configuration
from control.notifications.mails import page_link, queue_mail
from control.webhooks.models import (
    ERROR_CHARS_MAX,
    WITHOUT_EVENTS,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Webhook,
    WebhookStatus,
)
from control.webhooks.outbox import body_of
from control.webhooks.sending import Line, Outcome, open_line
from control.webhooks.signing import secrets_in_force, signed_headers
from control.webhooks.target import TargetRefused
from runtime import metrics
from runtime.clock import Clock

RETRY_PAUSES_S = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000)
"""Pauses after the first attempt and the ones that follow: ten attempts in about two days."""
REST_FIRST_S, REST_MAX_S = 5, 900
"""Rest of a webhook whose receiver gives no answer; it doubles, so that a dead receiver holds no worker."""
RETRY_AFTER_MAX_S = 3_600
BATCH_ROWS, BATCH_S = 100, 20.0
_JITTER = 0.2
_GONE = 410
_BUSY = frozenset({429, 503})


def due_webhooks(now: datetime) -> list[UUID]:
    """Return the webhooks that have something to send."""
    rested = Q(resting_until=None) | Q(resting_until__lte=now)
    due = Delivery.objects.filter(state=DeliveryState.PENDING, next_at__lte=now).values("webhook")
    return list(Webhook.objects.filter(rested, status=WebhookStatus.ACTIVE, pk__in=due).values_list("pk", flat=True))


def deliver_due(webhook_id: UUID, clock: Clock) -> int:
    """Send what is due to one webhook, within the bounds of one job; return the number of requests."""
    settings, sent = current_configuration().settings.webhooks, 0
    started_s = clock.monotonic_s()
    webhook = Webhook.objects.filter(pk=webhook_id).first()
    if webhook is None:
        return 0
    try:
        with open_line(webhook.url, settings.networks(), clock, settings.timeout_s) as line:
            while sent < BATCH_ROWS and clock.monotonic_s() - started_s < BATCH_S:
                delivery = _next(webhook_id)
                if delivery is None:
                    break
                sent += 1
                if not _attempt(delivery, line, clock):
                    break
    except TargetRefused as error:
        disable(webhook, f"its address {error}")
    return sent


def _next(webhook_id: UUID) -> Delivery | None:
    """Return the delivery whose turn it is. The webhook is read each time: it may be paused, or its secret rotated."""
    due = Delivery.objects.filter(
        webhook=webhook_id, webhook__status=WebhookStatus.ACTIVE, state=DeliveryState.PENDING,
        next_at__lte=timezone.now(),
    )  # fmt: skip
    return due.select_related("webhook", "event").order_by("next_at", "id").first()


def _attempt(delivery: Delivery, line: Line, clock: Clock) -> bool:
    """Send one request and store its outcome; return whether the receiver is ready for the next one."""
    now, began_s = timezone.now(), clock.monotonic_s()
    body = body_of(delivery.event)
    headers = signed_headers(secrets_in_force(delivery.webhook, now), delivery.event.id, now, body)
    outcome = line.post(headers, body)
    metrics.count("clew_webhook_requests_total", outcome="delivered" if outcome.is_delivered else "failed")
    attempt = DeliveryAttempt(
        delivery=delivery, at=now, duration_ms=int((clock.monotonic_s() - began_s) * 1000),
        answer_status=outcome.status, answer=outcome.answer, error=outcome.error[:ERROR_CHARS_MAX],
    )  # fmt: skip
    with transaction.atomic():
        attempt.save(force_insert=True)
        _store(delivery, outcome, timezone.now())
        rest_s = _rest_s(delivery.webhook, outcome)
        _note_health(delivery.webhook, outcome, timezone.now(), rest_s)
    return not rest_s


def _store(delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    number = delivery.attempts + 1
    values: dict[str, Any] = {"attempts": number, "answer_status": outcome.status,
                              "error": outcome.error[:ERROR_CHARS_MAX]}  # fmt: skip
    if outcome.is_delivered:
        values |= {"state": DeliveryState.DELIVERED, "next_at": None, "finished": now}
    elif number > len(RETRY_PAUSES_S):
        values |= {"state": DeliveryState.FAILED, "next_at": None, "finished": now}
    else:
        pause_s = RETRY_PAUSES_S[number - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)
        values["next_at"] = now + timedelta(seconds=max(pause_s, min(outcome.retry_after_s, RETRY_AFTER_MAX_S)))
    Delivery.objects.filter(pk=delivery.pk).update(**values)


def _rest_s(webhook: Webhook, outcome: Outcome) -> float:
    """Return the rest of a webhook after an outcome; 0 if the receiver answers."""
    if outcome.status is not None and outcome.status not in _BUSY:
        return 0
    doubled_s = REST_FIRST_S * 2.0 ** min(webhook.failures, 20)
    return max(min(doubled_s, REST_MAX_S), min(outcome.retry_after_s, RETRY_AFTER_MAX_S))


def _note_health(webhook: Webhook, outcome: Outcome, now: datetime, rest_s: float) -> None:
    """Store the state of the receiver, and disable a webhook whose receiver has failed for too long."""
    rows = Webhook.objects.filter(pk=webhook.pk)
    if outcome.is_delivered:
        if webhook.failing_since is not None:
            rows.update(failing_since=None, resting_until=None, failures=0)
        return
    since = webhook.failing_since or now
    rest = now + timedelta(seconds=rest_s) if rest_s else None
    rows.update(failing_since=since, resting_until=rest, failures=F("failures") + 1)
    failing_max_s = current_configuration().settings.webhooks.failing_max_s
    if outcome.status == _GONE:
        disable(webhook, "its receiver answered 410 Gone")
    elif now - since > timedelta(seconds=failing_max_s):
        disable(webhook, f"its receiver has failed since {since:%Y-%m-%d %H:%M} UTC")


def disable(webhook: Webhook, why: str) -> None:
    """Disable a webhook, end what waits for it, and tell its owner."""
    with changing(current_origin(), f"{webhook} is disabled: {why}"):
        row = Webhook.objects.select_for_update().filter(pk=webhook.pk).exclude(status__in=WITHOUT_EVENTS).first()
        if row is None:
            return
        row.status = WebhookStatus.DISABLED
        row.save(update_fields=["status"])
        now = timezone.now()
        waiting = Delivery.objects.filter(webhook=row, state=DeliveryState.PENDING)
        waiting.update(state=DeliveryState.FAILED, next_at=None, finished=now, error="the webhook was disabled")
        tell_owner(row, why)


def tell_owner(webhook: Webhook, why: str) -> None:
    """Store the mail about a webhook that was paused or disabled."""
    if webhook.owner_email:
        values = {
            "webhook": str(webhook), "url": webhook.url, "why": why,
            "link": page_link("console_webhook", webhook.pk),
        }  # fmt: skip
        queue_mail(f"webhook.{webhook.status}", webhook.owner_email, values)
