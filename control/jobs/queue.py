"""Queue of jobs: ask for one, take one, end one. Times are arguments; the queue reads no clock."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from control.audit.origin import ActorKind, Origin, acting, current_origin
from control.jobs.models import OPEN_STATES, Job, JobSchedule, JobState
from control.jobs.registry import Task, find_task, is_paused, paused_tasks
from runtime.logs import Throttled, logger

_log = Throttled(logger("jobs"))
_ERROR_CHARS_MAX = 4_000
_TOLD_CHARS_MAX = 300
_JITTER = 0.2
SILENT = "the worker ended without reporting, in every attempt"


def enqueue(
    task: str, arguments: Mapping[str, Any] | None = None, *, key: str | None = None, run_at: datetime | None = None
) -> bool:
    """Ask for a job in the open transaction; return False if an open job has the key. Raises UnknownTask."""
    find_task(task)
    origin = current_origin()
    job = Job(
        task=task, arguments=dict(arguments or {}), key=key, run_at=run_at or timezone.now(),
        asked_by=(origin.name or origin.kind)[:254], request_id=origin.request_id,
    )  # fmt: skip
    if key is None:
        job.save(force_insert=True)
        return True
    # A conflict raised as an error would end the transaction of the caller.
    Job.objects.bulk_create([job], ignore_conflicts=True)
    return Job.objects.filter(pk=job.pk).exists()


@dataclass(frozen=True, slots=True)
class TakenJob:
    """A job that is leased to a worker."""

    id: UUID
    task: str
    arguments: Mapping[str, Any]
    attempt: int
    worker: str
    request_id: str

    def held(self) -> QuerySet[Job]:
        """Return the row while the lease is this worker's; nothing after another one has taken the job."""
        return Job.objects.filter(pk=self.id, worker=self.worker, attempts=self.attempt, state=JobState.RUNNING)


def take(worker: str, now: datetime, lease_s: float) -> TakenJob | None:
    """Lease the job that is due for the longest time; None if there is none."""
    while (job := _take_row(worker, now, lease_s)) is not None:
        if job.state == JobState.RUNNING:
            return TakenJob(job.pk, job.task, job.arguments, job.attempts, worker, job.request_id)
    return None


def _take_row(worker: str, now: datetime, lease_s: float) -> Job | None:
    """Lease one job, or end it if its workers have died too often."""
    due = Job.objects.filter(
        Q(state=JobState.READY, run_at__lte=now) | Q(state=JobState.RUNNING, lease_until__lt=now), state__in=OPEN_STATES
    ).order_by("run_at")
    if paused := paused_tasks():
        due = due.exclude(task__in=paused)
    if not due.exists():  # a transaction would take the write lock of SQLite
        return None
    with transaction.atomic():
        rows = due.select_for_update(skip_locked=True) if connection.features.has_select_for_update_skip_locked else due
        job = rows.first()
        if job is None:
            return None
        if job.state == JobState.RUNNING and job.attempts >= attempts_max(job.task):
            job.state, job.error, job.finished = JobState.DEAD, SILENT, now
            _tell_dead(job.pk, job.task, job.arguments, job.request_id, SILENT)
        else:
            job.state, job.worker, job.attempts = JobState.RUNNING, worker, job.attempts + 1
            job.lease_until = now + timedelta(seconds=lease_s)
        job.save()
    return job


def attempts_max(task: str) -> int:
    """Return the most attempts of a task; 1 for a task that this version does not have."""
    try:
        return find_task(task).attempts_max
    except LookupError:
        return 1


def extend_leases(worker: str, until: datetime) -> int:
    """Extend the leases of a worker that lives; return the number of its jobs."""
    return Job.objects.filter(worker=worker, state=JobState.RUNNING).update(lease_until=until)


def finish(job: TakenJob, now: datetime) -> bool:
    """Mark a job as done; return False if another worker has taken it meanwhile."""
    return bool(job.held().update(state=JobState.DONE, finished=now, lease_until=None, error=""))


def fail(job: TakenJob, now: datetime, error: str, pause_s: float | None) -> bool:
    """Return a job to the queue after a pause, or end it as dead if there is no pause."""
    text = error[-_ERROR_CHARS_MAX:]
    if pause_s is None:
        with transaction.atomic():
            ended = job.held().update(state=JobState.DEAD, error=text, finished=now, lease_until=None)
            if ended:
                _tell_dead(job.id, job.task, job.arguments, job.request_id, text)
        return bool(ended)
    run_at = now + timedelta(seconds=pause_s)
    return bool(job.held().update(state=JobState.READY, error=text, run_at=run_at, lease_until=None))


def _tell_dead(job_id: UUID, task: str, arguments: Mapping[str, Any], request_id: str, error: str) -> None:
    """Tell a task that a job of it is dead. The job ends whatever becomes of this."""
    try:
        on_dead = find_task(task).on_dead
    except LookupError:
        return
    if on_dead is None:
        return
    last_line = (error.strip().splitlines() or [""])[-1]
    try:
        with acting(Origin(ActorKind.JOB, str(job_id), task, request_id=request_id)), transaction.atomic():
            on_dead(arguments, last_line[:_TOLD_CHARS_MAX])
    except Exception as failure:  # noqa: BLE001 - the job must end
        _log.exception("dead_job_not_told", task=task, error=type(failure).__name__)


def retry_pause_s(attempt: int, first_s: float, longest_s: float) -> float:
    """Return the pause after an attempt; it doubles, and varies so that jobs do not return all at once."""
    pause_s = min(longest_s, first_s * 2.0 ** min(attempt - 1, 30))
    return pause_s * random.uniform(1 - _JITTER, 1 + _JITTER)


def replay(job: Job, now: datetime) -> bool:
    """Put a dead job into the queue again; return False if it is not dead or an open one has its key."""
    with transaction.atomic():
        if job.key is not None and Job.objects.filter(key=job.key, state__in=OPEN_STATES).exists():
            return False
        dead = Job.objects.filter(pk=job.pk, state=JobState.DEAD)
        return bool(dead.update(state=JobState.READY, attempts=0, run_at=now, finished=None, worker=""))


def schedule(task: Task, now: datetime) -> bool:
    """Ask for a scheduled task if its time has come; one of several workers does so."""
    JobSchedule.objects.get_or_create(task=task.name, defaults={"next_at": now})
    due = JobSchedule.objects.filter(task=task.name, next_at__lte=now)
    if not due.exists() or is_paused(task) or not task.is_needed():
        return False
    with transaction.atomic():
        if not due.update(next_at=now + timedelta(seconds=task.every_s)):
            return False
        return enqueue(task.name, key=f"scheduled:{task.name}", run_at=now)


def drop_done(before: datetime) -> int:
    """Delete jobs that were done before a time."""
    return Job.objects.filter(state=JobState.DONE, finished__lt=before).delete()[0]
