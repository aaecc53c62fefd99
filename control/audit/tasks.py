"""Tasks of the audit trail."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from control.audit.chain import chain_events
from control.audit.models import AuditEvent
from control.jobs.registry import JobRun, task


@task("audit.chain", every_s=5, is_needed=lambda: AuditEvent.objects.filter(position=None).exists())
def chain(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Chain new events, and seal the days before."""
    chain_events(timezone.now())
