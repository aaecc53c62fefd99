"""API: jobs."""

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, exactly, page
from control.audit.record import Change, record
from control.changes import changing
from control.errors import Conflict, NotFound
from control.jobs.models import Job
from control.jobs.queue import replay

jobs = Router(tags=["jobs"])
_ORDERS = Orders({"created": "created", "run_at": "run_at"}, "-created")


class JobOut(Schema):
    """A job."""

    id: str
    task: str
    state: str
    attempts: int
    error: str = Field(description="Last line of the latest error.")
    done_steps: int
    total_steps: int
    created: datetime
    run_at: datetime
    finished: datetime | None
    asked_by: str
    request_id: str


class JobQuery(PageQuery):
    """Filters of jobs."""

    state: str = Field("", max_length=8, description="ready, running, done or dead.")
    task: str = Field("", max_length=64)
    asked_by: str = Field("", max_length=254)
    request_id: str = Field("", max_length=64)


class JobPage(Schema):
    """Page of jobs."""

    items: list[JobOut]
    next: str | None


def _job(job: Job) -> JobOut:
    names = ("task", "state", "attempts", "done_steps", "total_steps", "created", "run_at", "finished", "asked_by",
             "request_id")  # fmt: skip
    last_line = (job.error.strip().splitlines() or [""])[-1]
    return JobOut(id=str(job.pk), error=last_line, **{name: getattr(job, name) for name in names})


@jobs.get("", response=answers(JobPage))
def list_jobs(request: HttpRequest, query: Query[JobQuery]) -> HttpResponse:
    """List jobs, newest first."""
    actor_of(request).require(Area.JOBS, Action.READ)
    found = exactly(Job.objects.all(), query, "state", "task", "asked_by", "request_id")
    if query.q:
        found = found.filter(task__icontains=query.q)
    return page(request, found, query, _ORDERS, _job)


@jobs.get("/{job_id}", response=answers(JobOut, errors=(404,)))
def get_job(request: HttpRequest, job_id: UUID) -> JobOut:
    """Get one job."""
    actor_of(request).require(Area.JOBS, Action.READ)
    return _job(_one(job_id))


@jobs.post("/{job_id}/replay", response=answers(JobOut, errors=(404, 409)))
def replay_job(request: HttpRequest, job_id: UUID) -> JobOut:
    """Put a dead job into the queue again."""
    actor = actor_of(request)
    actor.require(Area.JOBS, Action.WRITE)
    with changing(actor):
        job = _one(job_id)
        if not replay(job, timezone.now()):
            raise Conflict(f"the job is {job.state}; only a dead one whose key is free is replayed")
        record(Change("replayed", "jobs.job", str(job.pk), job.task))
    return _job(_one(job_id))


def _one(job_id: UUID) -> Job:
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        raise NotFound(f"there is no job {job_id}")
    return job
