"""Numbers of what waits for people, which every page shows in its sidebar. They are read by one query."""

from functools import cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.applications.models import Application
from control.applications.selectors import waiting_applications
from control.applications.states import WAITING
from control.console.access import operator_of
from control.partners.access import sees_all, visible_partners
from control.partners.models import Partner
from control.partners.states import PartnerStatus
from control.program.access import approvals
from control.program.models import Approval, ApprovalStatus, Plan, TermsState


def applied_partners(request: HttpRequest) -> int:
    """Return the number of partners who wait for a decision."""
    return _waiting(request).applied


def asked_approvals(request: HttpRequest) -> int:
    """Return the number of partners who ask for an offer."""
    return _waiting(request).asked


def drafts(request: HttpRequest) -> int:
    """Return the number of plans that wait for somebody to publish them."""
    return _waiting(request).drafts


def waiting_to_decide(request: HttpRequest) -> int:
    """Return the number of applications that wait for a decision."""
    return _waiting(request).applications


class _Waiting(NamedTuple):
    applied: int
    asked: int
    drafts: int
    applications: int


def _waiting(request: HttpRequest) -> _Waiting:
    """Return the numbers for the operator who asks, read once for each page."""
    actor = operator_of(request)
    if actor is None:
        return _Waiting(0, 0, 0, 0)
    known: tuple[Actor, _Waiting] | None = getattr(request, "waiting", None)
    if known is None or known[0] is not actor:
        known = actor, _read(actor)
        request.waiting = known  # type: ignore[attr-defined]
    return known[1]


def _read(actor: Actor) -> _Waiting:
    if not sees_all(actor, Area.PARTNERS):
        partners = _applied(visible_partners(actor))
        to_decide = waiting_applications(actor).count()
        return _Waiting(partners.count(), _asked(approvals(actor)).count(), _drafts().count(), to_decide)
    sql, values = _of_everybody()
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return _Waiting(*cursor.fetchone())


@cache
def _of_everybody() -> tuple[str, tuple[Any, ...]]:
    """Return the query for people who see all partners. Its text is made once, which takes longer than to run it."""
    parts = (_applied(Partner.objects.all()), _asked(Approval.objects.all()), _drafts(), _to_decide())
    compiled = [rows.order_by().values("pk").query.sql_with_params() for rows in parts]
    counts = ", ".join(f"(SELECT COUNT(*) FROM ({sql}) waiting)" for sql, _ in compiled)
    return f"SELECT {counts}", tuple(value for _, values in compiled for value in values)


def _applied(partners: QuerySet[Partner]) -> QuerySet[Partner]:
    return partners.filter(status=PartnerStatus.APPLIED)


def _asked(rows: QuerySet[Approval]) -> QuerySet[Approval]:
    return rows.filter(status=ApprovalStatus.REQUESTED)


def _to_decide() -> QuerySet[Application]:
    return Application.objects.filter(status__in=sorted(WAITING))


def _drafts() -> QuerySet[Plan]:
    return Plan.objects.filter(state=TermsState.DRAFT)
