"""Tasks of the API."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from control.api.models import IdempotentAnswer
from control.jobs.registry import JobRun, task

KEPT_FOR = timedelta(days=1)


@task("api.drop_answers", every_s=3_600)
def drop_answers(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Delete answers that were kept for a day."""
    IdempotentAnswer.objects.filter(created__lt=timezone.now() - KEPT_FOR).delete()
