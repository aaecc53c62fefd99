"""Task of scheduled changes."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from control.jobs.registry import JobRun, task
from control.scheduled.services import TASK, fail_change, run_change


def _dead(arguments: Mapping[str, Any], error: str) -> None:
    fail_change(UUID(arguments["change"]), f"the job failed: {error}")


@task(TASK, on_dead=_dead)
def run_scheduled_change(_run: JobRun, arguments: Mapping[str, Any]) -> None:
    """Make one scheduled change."""
    run_change(UUID(arguments["change"]))
