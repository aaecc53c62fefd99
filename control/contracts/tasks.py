"""Task of the contracts: those whose time has come start, are expiring, or have expired."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from control.accounts.actor import Actor
from control.audit.origin import ActorKind
from control.contracts.models import Contract
from control.contracts.services import advance, is_due
from control.contracts.states import ContractState
from control.jobs.registry import JobRun, task

EVERY_S = 60
_NOTICE_DAYS_MAX = 731


def _due() -> Q:
    """Return a condition of those that may be due; notice periods differ."""
    now = timezone.now()
    waits = Q(state__in=[ContractState.ACCEPTED, ContractState.COUNTERSIGNED], starts__lte=now)
    may_expire = Q(state=ContractState.ACTIVE, ends__lte=now + timedelta(days=_NOTICE_DAYS_MAX))
    return waits | may_expire | Q(state=ContractState.EXPIRING, ends__lte=now)


@task("contracts.advance", every_s=EVERY_S, is_needed=lambda: Contract.objects.filter(_due()).exists())
def advance_contracts(run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Make the transitions that are due. What binds is decided by the times of a contract, not by its state."""
    actor, now = Actor(ActorKind.JOB, run.job_id, "contracts.advance"), timezone.now()
    rows = Contract.objects.filter(_due()).select_related("version").order_by("number")
    found = [row.pk for row in rows.iterator() if is_due(row, now)]
    for done, key in enumerate(found, 1):
        advance(actor, key, now)
        run.progress(done, len(found))
