"""Tasks of the exports."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone

from control.accounts.actor_of_job import actor_of_job
from control.errors import Forbidden
from control.exports.models import Export
from control.exports.services import TASK, drop, fail_export, make_export
from control.jobs.registry import JobRun, task


def _dead(arguments: Mapping[str, Any], error: str) -> None:
    fail_export(UUID(arguments["export"]), f"the job failed: {error}")


@task(TASK, on_dead=_dead)
def make(_run: JobRun, arguments: Mapping[str, Any]) -> None:
    """Make the file of an export."""
    found = Export.objects.filter(pk=UUID(arguments["export"])).first()
    if found is None:
        return
    try:
        make_export(found.pk, actor_of_job(found.creator_kind, found.creator_id, found.partner))
    except Forbidden as error:
        fail_export(found.pk, str(error))


@task("exports.drop_old", every_s=3_600, runs_while_off=True)
def drop_old(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Delete exports that have expired."""
    for found in Export.objects.filter(expires__lt=timezone.now())[:100]:
        drop(found)
