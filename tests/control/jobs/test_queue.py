"""Jobs are in the transaction of who asks, are taken by one worker at a time, and end once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

import tests.control.jobs.sample
from control.audit.origin import Origin
from control.jobs.models import Job, JobSchedule, JobState
from control.jobs.queue import (
    SILENT,
    drop_done,
    enqueue,
    extend_leases,
    fail,
    finish,
    replay,
    retry_pause_s,
    schedule,
    take,
)
from control.jobs.registry import Task, UnknownTask

assert tests.control.jobs.sample  # registers the tasks
pytestmark = pytest.mark.usefixtures("database", "acting_test")
SOON = timedelta(seconds=1)
LEASE_S = 30.0


class _Undone(Exception):
    pass


def _take(worker: str = "w", after: timedelta = SOON) -> Any:
    return take(worker, timezone.now() + after, LEASE_S)


def test_a_job_is_there_if_and_only_if_the_transaction_was(acting_test: Origin) -> None:
    with pytest.raises(_Undone), transaction.atomic():
        enqueue("sample.fails")
        raise _Undone
    assert _take() is None
    assert enqueue("sample.fails", {"a": 1})
    job = _take()
    assert (job.task, job.arguments, job.attempt) == ("sample.fails", {"a": 1}, 1)
    assert Job.objects.get().asked_by == "test"


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(UnknownTask, match=r"nope"):
        enqueue("nope")


def test_a_key_is_open_once_and_free_again_afterwards() -> None:
    assert enqueue("sample.fails", key="a") and not enqueue("sample.fails", key="a")
    assert enqueue("sample.fails", key="b")
    job = _take()
    assert not enqueue("sample.fails", key="a")
    finish(job, timezone.now())
    assert enqueue("sample.fails", key="a")


def test_jobs_are_taken_in_order_and_only_when_due() -> None:
    now = timezone.now()
    enqueue("sample.fails", {"n": 2}, run_at=now - timedelta(seconds=1))
    enqueue("sample.fails", {"n": 1}, run_at=now - timedelta(seconds=2))
    enqueue("sample.fails", {"n": 3}, run_at=now + timedelta(hours=1))
    assert [_take().arguments["n"], _take().arguments["n"], _take()] == [1, 2, None]


def test_a_lease_that_ends_gives_the_job_to_another_worker_and_the_first_ends_nothing() -> None:
    enqueue("sample.fails")
    first = _take("first")
    assert _take("second") is None
    assert extend_leases("first", timezone.now() + timedelta(minutes=5)) == 1
    assert _take("second", timedelta(minutes=4)) is None
    second = _take("second", timedelta(minutes=6))
    assert second.id == first.id and second.attempt == 2
    assert not finish(first, timezone.now()) and not fail(first, timezone.now(), "late", 1)
    assert finish(second, timezone.now())
    assert Job.objects.get().state == JobState.DONE


def test_a_failed_job_returns_after_its_pause() -> None:
    enqueue("sample.fails")
    fail(_take(), timezone.now(), "it broke", 60)
    assert _take() is None
    assert Job.objects.get().error == "it broke"
    assert _take("w", timedelta(seconds=62)).attempt == 2


def test_a_job_whose_workers_always_die_is_dead_and_a_person_replays_it() -> None:
    enqueue("sample.ends_process")
    for attempt in range(2):
        assert _take(f"w{attempt}", timedelta(minutes=attempt)).attempt == attempt + 1
    assert _take("w2", timedelta(minutes=9)) is None
    job = Job.objects.get()
    assert (job.state, job.error) == (JobState.DEAD, SILENT)
    assert replay(job, timezone.now()) and not replay(job, timezone.now())
    assert _take().attempt == 1


def test_a_dead_job_is_not_replayed_beside_an_open_one_with_its_key() -> None:
    enqueue("sample.fails", key="a")
    fail(_take(), timezone.now(), "it broke", None)
    dead = Job.objects.get()
    enqueue("sample.fails", key="a")
    assert not replay(dead, timezone.now())


def test_pauses_double_up_to_the_longest() -> None:
    pauses = [retry_pause_s(attempt, 2, 100) for attempt in (1, 2, 3, 10, 500)]
    for pause, middle in zip(pauses, (2, 4, 8, 100, 100), strict=True):
        assert 0.8 * middle <= pause <= 1.2 * middle


def test_a_scheduled_task_runs_once_an_interval_and_only_if_needed() -> None:
    task = Task("sample.fails", lambda _run, _arguments: None, every_s=60)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert schedule(task, now) and not schedule(task, now + timedelta(seconds=59))
    finish(_take(), now)
    assert schedule(task, now + timedelta(seconds=60))
    idle = Task("sample.note", lambda _run, _arguments: None, every_s=60, is_needed=lambda: False)
    assert not schedule(idle, now)
    assert JobSchedule.objects.get(task="sample.fails").next_at == now + timedelta(seconds=120)


def test_done_jobs_are_dropped_after_a_while_and_dead_ones_kept() -> None:
    for error in (None, "it broke"):
        enqueue("sample.fails")
        job = _take()
        finish(job, timezone.now()) if error is None else fail(job, timezone.now(), error, None)
    assert drop_done(timezone.now() - timedelta(days=1)) == 0
    assert drop_done(timezone.now() + timedelta(days=1)) == 1
    assert Job.objects.get().state == JobState.DEAD
