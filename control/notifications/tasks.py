"""Tasks of the notifications."""

from collections.abc import Mapping
from typing import Any

from control.jobs.registry import JobRun, task
from control.notifications.notices import prune


@task("notifications.drop_old", every_s=24 * 3_600)
def drop_old(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Delete notifications that are too old or too many."""
    prune()
