"""Task of the contracts: those whose time has come start, are expiring, or have expired."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from control.accounts.actor import Actor
from control.audit.origin import ActorKind
from control.contracts.models import Contract
from control.contracts.services import advance
from control.contracts.states import ContractState
from control.jobs.registry import JobRun, task

EVERY_S = 60
_NOTICE_DAYS_MAX = 731


def _due() -> Q:
    now = timezone.now()
    waits = Q(state__in=[ContractState.ACCEPTED, ContractState.COUNTERSIGNED], starts__lte=now)
    may_expire = Q(state=ContractState.ACTIVE, ends__lte=now + timedelta(days=_NOTICE_DAYS_MAX))
    return waits | may_expire | Q(state=ContractState.EXPIRING, ends__lte=now)


@task("contracts.advance", every_s=EVERY_S, is_needed=lambda: Contract.objects.filter(_due()).exists())
def advance_contracts(run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Make the transitions that are due. What binds is decided by the times of a contract, not by its state."""
    actor, now = Actor(ActorKind.JOB, run.job_id, "contracts.advance"), timezone.now()
    found = list(Contract.objects.filter(_due()).order_by("number").values_list("pk", flat=True))
    for done, key in enumerate(found, 1):
        advance(actor, key, now)
        run.progress(done, len(found))
