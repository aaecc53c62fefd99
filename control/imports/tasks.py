"""Tasks of the imports."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone

from control.accounts.actor_of_job import actor_of_job
from control.errors import Forbidden
from control.imports.models import WORKING, Import
from control.imports.run import run
from control.imports.services import TASK, drop, fail_import
from control.imports.undo_terms import KEPT_FOR
from control.jobs.registry import GiveUp, JobRun, task


def _dead(arguments: Mapping[str, Any], error: str) -> None:
    fail_import(UUID(arguments["import"]), error)


@task(TASK, on_dead=_dead)
def run_import(job: JobRun, arguments: Mapping[str, Any]) -> None:
    """Check, apply or undo an import. Killed and run again, it goes on after the last batch."""
    found = Import.objects.filter(pk=UUID(arguments["import"])).first()
    if found is None:
        raise GiveUp("the import was deleted")
    try:
        actor = actor_of_job(found.runner_kind, found.runner_id)
    except Forbidden as error:
        raise GiveUp(str(error)) from None
    run(found.pk, actor, job.progress)


@task("imports.drop_old", every_s=3_600, runs_while_off=True)
def drop_old(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Delete imports of long ago, with their files."""
    for found in Import.objects.filter(created__lt=timezone.now() - KEPT_FOR).exclude(state__in=WORKING)[:100]:
        drop(found)
