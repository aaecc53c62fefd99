"""Changes of jobs by people."""

from uuid import UUID

from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.record import Change, record
from control.changes import changing
from control.errors import Conflict
from control.jobs.models import Job
from control.jobs.queue import replay
from control.jobs.selectors import job


def replay_job(actor: Actor, job_id: UUID) -> Job:
    """Put a dead job into the queue again. Raises Forbidden, NotFound, Conflict."""
    actor.require(Area.JOBS, Action.WRITE)
    with changing(actor):
        found = job(actor, job_id)
        if not replay(found, timezone.now()):
            raise Conflict(f"job {found.task} is {found.state}, or waits already; only a dead job is replayed")
        record(Change("replayed", "jobs.job", str(found.pk), found.task))
    return found
