"""Tasks of the notifications."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from control.jobs.queue import enqueue
from control.jobs.registry import JobRun, task
from control.notifications import digest
from control.notifications.models import MailPreference
from control.notifications.notices import prune


@task("notifications.drop_old", every_s=24 * 3_600)
def drop_old(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Delete notifications that are too old or too many."""
    prune()


@task(
    "notifications.digests", every_s=3_600,
    is_needed=lambda: MailPreference.objects.filter(category="digest", is_on=True).exists(),
)  # fmt: skip
def ask_for_digests(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Ask for the weekly summaries that are due."""
    for row in digest.due(timezone.now()):
        enqueue(digest.TASK, {"preference": row.pk}, key=f"{digest.TASK}:{row.pk}")


@task(digest.TASK)
def send_digest(_run: JobRun, arguments: Mapping[str, Any]) -> None:
    """Store the weekly summary of one person. Raises Unavailable, and another attempt may succeed."""
    with transaction.atomic():
        digest.send_digest(arguments["preference"], timezone.now())
