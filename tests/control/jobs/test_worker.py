"""Workers as threads and as processes that are killed: no job is lost, none is done by two at a time."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.db import connections
from django.utils import timezone

import tests.control.jobs.sample
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, Origin, acting
from control.jobs.models import Job, JobState
from control.jobs.queue import enqueue, take
from control.jobs.worker import Worker, run_job
from control.mail.models import OutgoingMail
from runtime.clock import SystemClock
from runtime.control_settings import JobSettings
from tests.commands import fork
from tests.control.databases import TestDatabase
from tests.serving import free_port

assert tests.control.jobs.sample  # registers the tasks
pytestmark = pytest.mark.usefixtures("committed_database", "acting_test")
SETTINGS = JobSettings(poll_interval_ms=20, retry_pause_s=0)


def _until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, list(Job.objects.values("task", "state", "attempts", "error"))
        time.sleep(0.02)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


@contextmanager
def _worker() -> Iterator[Worker]:
    worker = Worker("threads", SETTINGS)
    thread = threading.Thread(target=worker.run, args=(60,))
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join()


def test_a_worker_does_jobs_and_stores_their_end(tmp_path: Path) -> None:
    for number in range(10):
        enqueue("sample.note", {"file": str(tmp_path / "lines"), "text": str(number)})
    with _worker():
        _until(lambda: Job.objects.filter(task="sample.note", state=JobState.DONE).count() == 10)
    done = sorted(line for line in _lines(tmp_path / "lines") if not line.startswith("began"))
    assert done == [str(number) for number in range(10)]
    job = Job.objects.filter(task="sample.note").first()
    assert job is not None and (job.done_steps, job.total_steps, job.attempts) == (1, 2, 1)


def test_errors_are_retried_until_the_job_is_dead() -> None:
    enqueue("sample.fails")
    enqueue("sample.gives_up")
    with _worker():
        _until(lambda: Job.objects.filter(state=JobState.DEAD).count() == 2)
    by_task = {job.task: job for job in Job.objects.filter(state=JobState.DEAD)}
    assert by_task["sample.fails"].attempts == 3 and "on purpose" in by_task["sample.fails"].error
    assert (by_task["sample.gives_up"].attempts, by_task["sample.gives_up"].error) == (1, "never again")


def test_a_stopped_worker_ends_its_job_first(tmp_path: Path) -> None:
    enqueue("sample.note", {"file": str(tmp_path / "lines"), "text": "x", "after": str(tmp_path / "gate")})
    with _worker() as worker:
        _until(lambda: _lines(tmp_path / "lines") == ["began x"])
        worker.stop()
        (tmp_path / "gate").touch()
    assert Job.objects.get(task="sample.note").state == JobState.DONE


def test_changes_of_a_job_are_its_own_in_the_trail() -> None:
    with acting(Origin(ActorKind.PERSON, "1", "Ann", request_id="r-9")):
        enqueue("audit.chain")
    job = take("w", timezone.now() + timedelta(seconds=1), 10)
    assert job is not None and job.request_id == "r-9"
    run_job(job, SETTINGS, SystemClock())
    assert Job.objects.get(pk=job.id).state == JobState.DONE
    assert AuditEvent.objects.count() == 0 and OutgoingMail.objects.count() == 0


def test_two_workers_take_each_job_once() -> None:
    for _ in range(60):
        enqueue("sample.fails")
    taken: list[object] = []

    def take_all(name: str) -> None:
        try:
            while (job := take(name, timezone.now() + timedelta(seconds=1), 30)) is not None:
                taken.append(job.id)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take_all, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 60


@contextmanager
def _process(database: TestDatabase, *words: str) -> Iterator[fork.Command]:
    environment = {
        **os.environ, "CLEW_JOBS__POLL_INTERVAL_MS": "20", "CLEW_JOBS__RETRY_PAUSE_S": "0",
    }  # fmt: skip
    command = ["tests.control.jobs.sample", "--control", str(database.address), *words]
    process = fork.spawn(command, sys.__stdout__.fileno(), sys.__stderr__.fileno(), environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_job_survives_sigkill_of_its_worker(committed_database: TestDatabase, tmp_path: Path) -> None:
    """The worker after it answers probes, and stops gracefully while it does another job."""
    lines, gate, port = tmp_path / "lines", tmp_path / "gate", free_port()
    enqueue("sample.note", {"file": str(lines), "text": "x", "after": str(gate)})
    with _process(committed_database) as first:
        _until(lambda: _lines(lines) == ["began x"])
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert Job.objects.get(task="sample.note").state == JobState.RUNNING
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    gate.touch()
    with _process(committed_database, "--metrics-port", str(port)) as second:
        _until(lambda: _status(port) == 200)
        _until(lambda: Job.objects.get(task="sample.note").state == JobState.DONE)
        assert _lines(lines) == ["began x", "began x", "x"]
        lines, gate = tmp_path / "more lines", tmp_path / "other gate"
        enqueue("sample.note", {"file": str(lines), "text": "y", "after": str(gate)})
        _until(lambda: _lines(lines) == ["began y"])
        second.send_signal(signal.SIGTERM)
        gate.touch()
        assert second.wait(60) == 0
    assert _lines(lines)[-1] == "y"
    assert {job.state for job in Job.objects.filter(task="sample.note")} == {JobState.DONE}


def _status(port: int) -> int:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code
    except httpx.TransportError:
        return 0
