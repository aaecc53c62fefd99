"""Tasks of the queue itself."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from control.configuration import current_configuration
from control.jobs.queue import drop_done
from control.jobs.registry import JobRun, task


@task("jobs.drop_done", every_s=3_600)
def drop_done_jobs(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Delete jobs that were done long ago."""
    age_s = current_configuration().settings.jobs.done_age_max_s
    drop_done(timezone.now() - timedelta(seconds=age_s))
