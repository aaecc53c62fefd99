"""Worker: takes jobs and does them in threads, until it is stopped."""

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import Error as DatabaseError
from django.db import close_old_connections, connections
from django.utils import timezone

from control.audit.origin import ActorKind, Origin, acting
from control.jobs.models import OPEN_STATES, Job, JobState
from control.jobs.queue import TakenJob, attempts_max, extend_leases, fail, finish, retry_pause_s, schedule, take
from control.jobs.registry import GiveUp, UnknownTask, find_task, scheduled_tasks
from runtime import metrics
from runtime.clock import Clock, SystemClock
from runtime.control_settings import JobSettings
from runtime.logs import Throttled, logger

_log = Throttled(logger("jobs"))
_BEATS_PER_LEASE = 3
_SCHEDULE_INTERVAL_S = 1.0
_TROUBLE_PAUSE_S = 1.0


@dataclass(slots=True)
class Worker:
    """One worker with several threads."""

    name: str
    """Name that no other worker has; leases carry it."""
    settings: JobSettings
    clock: Clock = field(default_factory=SystemClock)
    stopping: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)

    def run(self, drain_timeout_s: float) -> bool:
        """Work until `stop`; then finish the jobs that run. Return False if they did not end in time."""
        work = [
            threading.Thread(target=self._loop, args=(self._work, self.stopping), name=f"job {n}", daemon=True)
            for n in range(self.settings.threads_max)
        ]
        rest = [
            threading.Thread(target=self._loop, args=(self._schedule, self.stopping), name="schedule", daemon=True),
            threading.Thread(target=self._loop, args=(self._beat, self._ended), name="leases", daemon=True),
        ]
        for thread in (*work, *rest):
            thread.start()
        self.stopping.wait()
        deadline_s = self.clock.monotonic_s() + drain_timeout_s
        for thread in work:
            thread.join(max(0.0, deadline_s - self.clock.monotonic_s()))
        self._ended.set()
        for thread in rest:  # or one of them writes after the end
            thread.join(max(0.0, deadline_s - self.clock.monotonic_s()))
        return not any(thread.is_alive() for thread in work)

    def stop(self) -> None:
        """Take no further job."""
        self.stopping.set()

    def _loop(self, step: Callable[[], float], end: threading.Event) -> None:
        """Repeat a step, after the pause that it returns. Survives a database that does not answer."""
        pause_s = 0.0
        while not end.wait(pause_s):
            close_old_connections()
            try:
                pause_s = step()
            except DatabaseError as error:
                _log.error("database_unavailable", error=str(error))
                connections.close_all()
                pause_s = _TROUBLE_PAUSE_S
            except Exception as error:  # noqa: BLE001 - a worker must go on after any error
                _log.exception("worker_error", error=type(error).__name__)
                pause_s = _TROUBLE_PAUSE_S
        connections.close_all()

    def _work(self) -> float:
        job = take(self.name, timezone.now(), self.settings.lease_s)
        if job is None:
            return self.settings.poll_interval_ms / 1000
        run_job(job, self.settings, self.clock)
        return 0.0

    def _beat(self) -> float:
        extend_leases(self.name, timezone.now() + timedelta(seconds=self.settings.lease_s))
        return self.settings.lease_s / _BEATS_PER_LEASE

    def _schedule(self) -> float:
        with acting(Origin(ActorKind.JOB, name="schedule")):
            for task in scheduled_tasks():
                schedule(task, timezone.now())
        metrics.gauge("clew_jobs_waiting", Job.objects.filter(state__in=OPEN_STATES).count())
        metrics.gauge("clew_jobs_dead", Job.objects.filter(state=JobState.DEAD).count())
        return _SCHEDULE_INTERVAL_S


@dataclass(frozen=True, slots=True)
class _Run:
    """A run of a job, as its task sees it."""

    job: TakenJob

    @property
    def job_id(self) -> str:
        return str(self.job.id)

    def progress(self, done: int, total: int) -> None:
        self.job.held().update(done_steps=done, total_steps=total)


def run_job(job: TakenJob, settings: JobSettings, clock: Clock) -> None:
    """Do a job that was taken, and store how it ended."""
    started_s = clock.monotonic_s()
    try:
        task = find_task(job.task)
        with acting(Origin(ActorKind.JOB, str(job.id), job.task, request_id=job.request_id)):
            task.function(_Run(job), job.arguments)
    except (GiveUp, UnknownTask) as error:
        _failed(job, str(error), None)
    except Exception as error:  # noqa: BLE001 - every error belongs to the job
        last = job.attempt >= attempts_max(job.task)
        pause_s = None if last else retry_pause_s(job.attempt, settings.retry_pause_s, settings.retry_pause_max_s)
        _failed(job, "".join(traceback.format_exception(error)), pause_s)
    else:
        finish(job, timezone.now())
        metrics.count("clew_jobs_total", task=job.task, outcome="done")
        metrics.observe("clew_job_seconds", clock.monotonic_s() - started_s, task=job.task)


def _failed(job: TakenJob, error: str, pause_s: float | None) -> None:
    fail(job, timezone.now(), error, pause_s)
    metrics.count("clew_jobs_total", task=job.task, outcome="dead" if pause_s is None else "retried")
    last_line = (error.strip().splitlines() or [""])[-1]
    say = _log.error if pause_s is None else _log.warning
    say("job_failed", task=job.task, job=str(job.id), attempt=job.attempt, error=last_line[:300], dead=pause_s is None)
