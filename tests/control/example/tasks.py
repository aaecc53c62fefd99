"""Task of the notes."""

from collections.abc import Mapping
from typing import Any

from control.jobs.registry import JobRun, task
from tests.control.example.models import Note


@task("notes.count")
def count(run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Show how many notes there are, as the progress of the job."""
    found = Note.objects.count()
    run.progress(found, found)
