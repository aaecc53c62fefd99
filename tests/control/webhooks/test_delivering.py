"""Deliveries: signed, in order, at least once, tried again, ended in the end."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from clew.client import BadSignature, verify_webhook
from control.accounts.actor import command_line
from control.accounts.people import add_operator
from control.audit.models import AuditEvent
from control.errors import Conflict, Invalid, NotFound
from control.jobs.models import Job
from control.jobs.queue import take
from control.jobs.registry import find_task
from control.jobs.worker import run_job
from control.mail.models import OutgoingMail
from control.partners.services import create_partner
from control.webhooks import bounds, delivering, services, tasks
from control.webhooks.delivering import RETRY_PAUSES_S, deliver_due, due_webhooks
from control.webhooks.models import Delivery, DeliveryAttempt, DeliveryState, Webhook, WebhookEvent, WebhookStatus
from control.webhooks.replaying import Wanted, replay, replay_many
from runtime.clock import SystemClock
from runtime.control_settings import JobSettings
from tests.control.webhooks.conftest import Receiver

pytestmark = pytest.mark.usefixtures("database", "acting_test")
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
BOSS = command_line()


def _webhook(receiver: Receiver, *events: str) -> tuple[Webhook, str]:
    return services.create_webhook(BOSS, {"url": receiver.url, "events": list(events or ("partner.created",))})


def _deliver(webhook: Webhook) -> int:
    return deliver_due(webhook.pk, SystemClock())


def _only() -> Delivery:
    return Delivery.objects.get()


def _make_due() -> None:
    Delivery.objects.filter(state=DeliveryState.PENDING).update(next_at=timezone.now() - timedelta(days=1))
    Webhook.objects.update(resting_until=None)


@contextmanager
def _time_stands() -> Iterator[datetime]:
    """Let no time pass for deliveries; yields the time."""
    now = timezone.now()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivering, "timezone", SimpleNamespace(now=lambda: now))
        yield now


def _run_jobs(count: int) -> list[str]:
    """Do what a worker does: take each due job and run it."""
    done = []
    while (job := take("test", timezone.now(), 30)) is not None:
        run_job(job, JobSettings(), SystemClock())
        done.append(job.task)
    assert len(done) == count
    return done


def test_events_arrive_in_order_signed_and_once(receiver: Receiver) -> None:
    webhook, secret = _webhook(receiver)
    names = [f"P{number}" for number in range(5)]
    for name in names:
        create_partner(BOSS, {"name": name}, "active")
    assert due_webhooks(timezone.now()) == [webhook.pk]
    assert _deliver(webhook) == 5 and _deliver(webhook) == 0
    bodies = [json.loads(body) for _, _, body in receiver.received]
    assert [body["data"]["object"]["name"] for body in bodies] == names
    assert [body["sequence"] for body in bodies] == sorted(body["sequence"] for body in bodies)
    for path, headers, body in receiver.received:
        assert path == "/hook" and headers["Content-Type"] == "application/json"
        verify_webhook(secret, headers, body)
    delivery = Delivery.objects.latest("id")
    assert (delivery.state, delivery.attempts, delivery.answer_status) == ("delivered", 1, 204)
    assert due_webhooks(timezone.now()) == []


@ON_SQLITE
def test_one_job_sends_what_waits(receiver: Receiver) -> None:
    webhook, _ = _webhook(receiver)
    assert not find_task("webhooks.start").is_needed()
    create_partner(BOSS, {"name": "Blue"}, "active")
    assert find_task("webhooks.start").is_needed()
    tasks.start(None, {})  # type: ignore[arg-type]
    assert not find_task("webhooks.start").is_needed() and Job.objects.count() == 1
    assert _run_jobs(1) == ["webhooks.deliver"]
    assert _only().state == "delivered" and _only().webhook == webhook
    services.delete_webhook(BOSS, webhook.pk)
    tasks.deliver(None, {"webhook": str(webhook.pk)})  # type: ignore[arg-type]


@ON_SQLITE
def test_for_a_day_both_secrets_sign(receiver: Receiver) -> None:
    webhook, old = _webhook(receiver)
    webhook, new = services.rotate_secret(BOSS, webhook.pk)
    services.send_test(BOSS, webhook.pk)
    _deliver(webhook)
    _, headers, body = receiver.received[0]
    verify_webhook(old, headers, body)
    verify_webhook(new, headers, body)
    assert json.loads(body)["type"] == "webhook.test"
    Webhook.objects.filter(pk=webhook.pk).update(old_valid_until=timezone.now())
    services.send_test(BOSS, webhook.pk)
    _deliver(webhook)
    _, headers, body = receiver.received[1]
    verify_webhook(new, headers, body)
    with pytest.raises(BadSignature):
        verify_webhook(old, headers, body)
    stored = str(list(Webhook.objects.values()) + list(AuditEvent.objects.values()))
    assert old not in stored and new not in stored


@ON_SQLITE
def test_failures_are_tried_again_and_end(receiver: Receiver) -> None:
    webhook, _ = _webhook(receiver)
    create_partner(BOSS, {"name": "Blue"}, "active")
    receiver.answers = [(500, {}, b"boom")] * (len(RETRY_PAUSES_S) + 1)
    for pause_s in RETRY_PAUSES_S:
        with _time_stands() as now:
            assert _deliver(webhook) == 1 and _deliver(webhook) == 0
        row = _only()
        assert row.state == "pending" and row.next_at is not None
        assert 0.79 * pause_s < (row.next_at - now).total_seconds() < 1.21 * pause_s
        _make_due()
    assert _deliver(webhook) == 1
    row = _only()
    assert (row.state, row.attempts, row.answer_status, row.next_at) == ("failed", 10, 500, None)
    assert [attempt.answer for attempt in row.log.all()] == ["boom"] * 10
    assert len({headers["webhook-id"] for _, headers, _ in receiver.received}) == 1
    replay(BOSS, webhook.pk, row.pk)
    assert _deliver(webhook) == 1 and _only().state == "delivered"
    assert len({headers["webhook-id"] for _, headers, _ in receiver.received}) == 1


@ON_SQLITE
def test_a_failed_event_does_not_hold_up_later_ones(receiver: Receiver) -> None:
    webhook, _ = _webhook(receiver)
    for name in ("Blue", "Red"):
        create_partner(BOSS, {"name": name}, "active")
    receiver.answers = [(400, {}, b"")]
    assert _deliver(webhook) == 2
    assert list(Delivery.objects.order_by("id").values_list("state", flat=True)) == ["pending", "delivered"]
    webhook.refresh_from_db()
    assert webhook.failing_since is None and webhook.failures == 0


@ON_SQLITE
@pytest.mark.parametrize("answer", [(0, {}, b""), (503, {"Retry-After": "100"}, b""), (429, {}, b"")])
def test_a_receiver_that_is_down_gets_a_rest(receiver: Receiver, answer: Any) -> None:
    webhook, _ = _webhook(receiver)
    for name in ("Blue", "Red"):
        create_partner(BOSS, {"name": name}, "active")
    rests_s = []
    for _ in range(3):
        receiver.answers = [answer]
        with _time_stands() as now:
            assert _deliver(webhook) == 1 and due_webhooks(now) == []
        webhook.refresh_from_db()
        assert webhook.resting_until is not None
        rests_s.append((webhook.resting_until - now).total_seconds())
        _make_due()
    assert all(rest_s > 99 for rest_s in rests_s) if answer[1] else 4 < rests_s[0] < rests_s[1] < rests_s[2] < 25
    assert _deliver(webhook) == 2
    webhook.refresh_from_db()
    assert (webhook.failing_since, webhook.resting_until, webhook.failures) == (None, None, 0)


@ON_SQLITE
@pytest.mark.parametrize(("status", "days"), [(410, 0), (500, 6)])
def test_a_webhook_whose_receiver_is_gone_is_disabled(receiver: Receiver, status: int, days: int) -> None:
    add_operator(BOSS, "ann@acme.example", "owner")
    webhook, _ = _webhook(receiver)
    Webhook.objects.filter(pk=webhook.pk).update(failing_since=timezone.now() - timedelta(days=days))
    for name in ("Blue", "Red"):
        create_partner(BOSS, {"name": name}, "active")
    receiver.answers = [(status, {}, b"")]
    assert _deliver(webhook) == 1
    webhook.refresh_from_db()
    assert webhook.status == "disabled" and set(Delivery.objects.values_list("state", flat=True)) == {"failed"}
    mail = OutgoingMail.objects.get()
    assert mail.recipients == ["ann@acme.example"] and webhook.url in mail.content.decode()
    assert "disabled" in AuditEvent.objects.filter(object_type="webhooks.webhook").latest("id").reason
    with pytest.raises(Conflict):
        replay_many(BOSS, webhook.pk)
    services.set_webhook_status(BOSS, webhook.pk, "active")
    assert replay_many(BOSS, webhook.pk) == 2
    assert _deliver(webhook) == 2 and set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


@ON_SQLITE
def test_events_wait_while_a_webhook_is_paused(receiver: Receiver) -> None:
    webhook, _ = _webhook(receiver)
    services.set_webhook_status(BOSS, webhook.pk, WebhookStatus.PAUSED)
    create_partner(BOSS, {"name": "Blue"}, "active")
    assert due_webhooks(timezone.now()) == [] and _deliver(webhook) == 0
    services.set_webhook_status(BOSS, webhook.pk, WebhookStatus.ACTIVE)
    assert _deliver(webhook) == 1


def test_old_events_go(receiver: Receiver) -> None:
    webhook, _ = _webhook(receiver)
    create_partner(BOSS, {"name": "Blue"}, "active")
    create_partner(BOSS, {"name": "Red"}, "active")
    receiver.answers = [(500, {}, b"")]
    _deliver(webhook)
    old = WebhookEvent.objects.earliest("sequence")
    WebhookEvent.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(days=31))
    tasks.drop_old(None, {})  # type: ignore[arg-type]
    assert WebhookEvent.objects.count() == Delivery.objects.count() == 1


def _deliveries(webhook: Webhook, **counts: int) -> None:
    """Store events with deliveries, the oldest first, each with one attempt."""
    for state, count in counts.items():
        for number in range(count):
            event = WebhookEvent.objects.create(type="partner.created", object_id=f"{state}-{number}", data={})
            made = Delivery.objects.create(webhook=webhook, event=event, state=state)
            DeliveryAttempt.objects.create(delivery=made, at=timezone.now(), duration_ms=1)


def _kept() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("event__object_id", flat=True))


def test_the_oldest_delivered_go_first_and_what_waits_is_kept(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, _ = _webhook(receiver)
    other, _ = _webhook(receiver)
    _deliveries(webhook, failed=3, delivered=3, pending=2)
    shared = Delivery.objects.filter(state="delivered").earliest("id").event
    Delivery.objects.create(webhook=other, event=shared, state="delivered")
    small = SimpleNamespace(deliveries_max=4)
    settings = SimpleNamespace(settings=SimpleNamespace(webhooks=small))
    monkeypatch.setattr(bounds, "current_configuration", lambda: settings)
    tasks.bound(None, {})  # type: ignore[arg-type]
    pending = ["pending-0", "pending-1"]
    assert _kept() == ["failed-0", "failed-1", "failed-2", "delivered-2", *pending, "delivered-0"]
    assert not WebhookEvent.objects.filter(object_id="delivered-1").exists()
    assert WebhookEvent.objects.filter(pk=shared.pk).exists() and DeliveryAttempt.objects.count() == 6
    small.deliveries_max = 1
    tasks.bound(None, {})  # type: ignore[arg-type]
    assert _kept() == ["failed-2", *pending, "delivered-0"]
    webhook.refresh_from_db()
    assert webhook.status == "paused" and webhook.full_since is not None
    tasks.bound(None, {})  # type: ignore[arg-type]
    assert OutgoingMail.objects.count() == 0  # no owner has an address here
    services.set_webhook_status(BOSS, webhook.pk, "active")
    services.change_webhook(BOSS, webhook.pk, {"owner_email": "ann@acme.example"})
    for _ in range(2):
        tasks.bound(None, {})  # type: ignore[arg-type]
    (mail,) = OutgoingMail.objects.all()
    assert "paused" in mail.subject and _kept()[1:3] == pending


def test_a_deleted_webhook_is_gone_at_once_and_its_deliveries_in_batches(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, _ = _webhook(receiver)
    _deliveries(webhook, delivered=3, pending=2)
    monkeypatch.setattr(bounds, "DROP_ROWS", 2)
    services.delete_webhook(BOSS, webhook.pk)
    assert not services.webhooks(BOSS).exists() and not services.deliveries(BOSS).exists()
    assert due_webhooks(timezone.now()) == [] and Delivery.objects.count() == 5
    create_partner(BOSS, {"name": "Blue"}, "active")
    with pytest.raises(NotFound):
        services.set_webhook_status(BOSS, webhook.pk, "active")
    assert _run_jobs(1) == ["webhooks.remove"]
    assert not Webhook.objects.exists() and not WebhookEvent.objects.exists() and not DeliveryAttempt.objects.exists()
    gone = AuditEvent.objects.get(object_id=str(webhook.pk), action="deleted")
    assert gone.before is not None and gone.before["url"] == receiver.url


def test_many_are_replayed_by_state_type_time_and_id(receiver: Receiver) -> None:
    webhook, _ = _webhook(receiver)
    _deliveries(webhook, failed=3, delivered=2, pending=1)
    failed = list(Delivery.objects.filter(state="failed").order_by("id"))
    Delivery.objects.filter(pk=failed[0].pk).update(created=timezone.now() - timedelta(days=2))
    day = timezone.now() - timedelta(days=1)
    for wanted, count in (
        (Wanted(since=day), 2), (Wanted(until=day), 1), (Wanted(type="offer.created"), 0),
        (Wanted("", ids=[row.pk for row in failed]), 3), (Wanted("delivered"), 2), (Wanted(""), 5),
    ):  # fmt: skip
        assert replay_many(BOSS, webhook.pk, wanted) == count
        assert Delivery.objects.filter(state="pending").count() == count + 1
        Delivery.objects.filter(pk__in=[row.pk for row in failed]).update(state="failed")
        Delivery.objects.filter(event__object_id__startswith="delivered").update(state="delivered")
    with pytest.raises(Invalid, match="delivered or failed"):
        replay_many(BOSS, webhook.pk, Wanted("pending"))


@ON_SQLITE
def test_mistakes_are_told_together(receiver: Receiver) -> None:
    with pytest.raises(Invalid) as invalid:
        services.create_webhook(BOSS, {"url": "http://10.0.0.1/", "events": ["nope"]})
    assert [error.field for error in invalid.value.errors] == ["url", "events"]
    for values in ({"url": receiver.url}, {"url": receiver.url, "events": ["*", "*"]}, {"events": ["*"]}):
        with pytest.raises(Invalid):
            services.create_webhook(BOSS, values)
    webhook, _ = _webhook(receiver)
    with pytest.raises(Invalid):
        services.set_webhook_status(BOSS, webhook.pk, "disabled")
    with pytest.raises(Invalid):
        services.change_webhook(BOSS, webhook.pk, {"owner_email": "x"})
    for _ in range(services.WEBHOOKS_MAX - 1):
        _webhook(receiver)
    with pytest.raises(Conflict):
        _webhook(receiver)
    assert UUID(str(webhook.pk))
