"""Task that moves leads at their times: new ones to a partner, late ones on, idle ones back, old ones out."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from control.accounts.actor import Actor
from control.audit.origin import ActorKind
from control.errors import Conflict
from control.jobs.registry import JobRun, task
from control.leads.candidates import lead_routing
from control.leads.models import Lead
from control.leads.selectors import OPEN
from control.leads.services import ROUTE_TASK, expire, idle, late, route
from control.leads.states import HELD, LeadState

LEADS_PER_RUN_MAX = 1_000
"""Most leads of one kind that a run moves; the next run goes on."""
EVERY_S = 60


def move_leads(now: datetime) -> int:
    """Move all leads whose time has come; return how many."""
    actor, routing, moved = Actor(ActorKind.JOB, name="leads"), lead_routing(), 0
    for key in _keys(Lead.objects.filter(state=LeadState.OFFERED, deadline__lte=now)):
        moved += late(actor, key, now)
    third = timedelta(days=routing.idle_days) / 3
    held = Lead.objects.filter(state__in=HELD)
    due = Q()
    for reminders in range(3):
        due |= Q(reminders=reminders, last_activity__lte=now - third * (reminders + 1))
    for key in _keys(held.filter(due)):
        moved += idle(actor, key, routing, now)
    new = Lead.objects.filter(state=LeadState.NEW)
    old = new.filter(created__lte=now - timedelta(days=routing.expire_days))
    for key in _keys(old):
        with suppress(Conflict):  # somebody was faster
            expire(actor, key, now, f"nobody had it for {routing.expire_days} days")
            moved += 1
    for key in _keys(new.filter(consent=True, escalated=None)):
        with suppress(Conflict):
            route(actor, key, now)
            moved += 1
    return moved


def _keys(rows: QuerySet[Lead]) -> list[Any]:
    return list(rows.order_by(F("last_activity"), "pk").values_list("pk", flat=True)[:LEADS_PER_RUN_MAX])


@task(ROUTE_TASK, every_s=EVERY_S, is_needed=lambda: Lead.objects.filter(state__in=OPEN).exists())
def route_leads(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """Move leads."""
    move_leads(timezone.now())
