"""Queries on the jobs."""

from uuid import UUID

from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.errors import NotFound
from control.jobs.models import Job


def jobs(actor: Actor) -> QuerySet[Job]:
    """Return the jobs that the actor may see. Raises Forbidden."""
    actor.require(Area.JOBS, Action.READ)
    return Job.objects.all()


def job(actor: Actor, job_id: UUID) -> Job:
    """Return one job. Raises Forbidden, NotFound."""
    found = jobs(actor).filter(pk=job_id).first()
    if found is None:
        raise NotFound(f"there is no job {job_id}")
    return found
