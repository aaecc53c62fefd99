"""Tasks of the console."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from control.console.lists.bulk import TASK, run_bulk
from control.jobs.registry import JobRun, task


@task(TASK)
def change_rows(run: JobRun, arguments: Mapping[str, Any]) -> None:
    """Change many rows of a list."""
    run_bulk(UUID(arguments["bulk"]), run.progress)
