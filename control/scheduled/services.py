"""Scheduling of changes. Each has a job that makes it once, with the rights that its author has then."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.actor_of_job import actor_of_job
from control.accounts.models import User
from control.accounts.roles import Action, Area
from control.audit.origin import ActorKind, Origin
from control.configuration import current_configuration
from control.errors import Conflict, FieldError, Invalid, NotFound, Refused
from control.jobs.queue import enqueue
from control.notifications.mails import page_link, queue_mail
from control.partners.access import check_partners, require_operator, sees_all, visible_partners
from control.partners.models import Partner
from control.partners.services import transition
from control.partners.states import REASON_REQUIRED, PartnerStatus
from control.program.access import visible_links, visible_offers
from control.program.models import LinkStatus, OfferStatus, ProgramHead, PublishRequest
from control.program.publishing import carry_out, content_of, require_alone
from control.program.services.links import set_link_status
from control.program.services.offers import set_offer_status
from control.program.versions import Approval, changing_program
from control.scheduled.models import ChangeKind, ChangeState, ScheduledChange

TASK = "scheduled.run"
AHEAD_DAYS_MAX = 366
WAITING_ROWS_MAX = 10_000
"""Most changes that wait at the same time."""
_RESULT_CHARS_MAX = 4_000
TERMS = frozenset({ChangeKind.PUBLISH, ChangeKind.ROLLBACK})
_STATES: dict[str, list[str]] = {
    ChangeKind.PARTNER: PartnerStatus.values, ChangeKind.OFFER: OfferStatus.values, ChangeKind.LINK: LinkStatus.values,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """Object of a change."""

    kind: str
    id: str = ""
    name: str = ""
    partner: int | None = None


def scheduled_changes(actor: Actor) -> QuerySet[ScheduledChange]:
    """Return the changes of objects that the actor may see. Raises Forbidden."""
    actor.require(Area.PROGRAM, Action.READ)
    rows = ScheduledChange.objects.all()
    if actor.partner is not None:
        return rows.filter(kind=ChangeKind.LINK, partner=actor.partner)
    if sees_all(actor, Area.PARTNERS) and sees_all(actor, Area.LINKS):
        return rows
    return rows.filter(Q(partner=None) | Q(partner__in=visible_partners(actor).values("number")))


def scheduled_change_of(actor: Actor, change_id: UUID) -> ScheduledChange:
    """Return one change. Raises Forbidden, NotFound."""
    found = scheduled_changes(actor).filter(pk=change_id).first()
    if found is None:
        raise NotFound(f"there is no scheduled change {change_id}")
    return found


def schedule_status(
    actor: Actor, kind: str, object_id: str, to: str, at: datetime, reason: str = ""
) -> ScheduledChange:
    """Schedule that a partner, offer or link gets a state. Whether that is allowed is decided then.

    Raises Forbidden, NotFound, Invalid, Conflict.
    """
    target = _target(actor, kind, object_id)
    if to not in _STATES[kind]:
        raise Invalid(FieldError("to", f"must be one of {', '.join(_STATES[kind])}"))
    if kind == ChangeKind.PARTNER and to in REASON_REQUIRED and not reason.strip():
        raise Invalid(FieldError("reason", f"is missing; say why the partner becomes {to}"))
    return _store(actor, target, at, reason, to=to)


def schedule_terms(
    actor: Actor, at: datetime, reason: str = "", back_to: int | None = None, request: PublishRequest | None = None
) -> ScheduledChange:
    """Schedule that the drafts as they are now, or the terms of a version, count from a time.

    With a request, its approval stands for the right to publish alone. Raises Forbidden, NotFound, Invalid, Conflict.
    """
    if request is None:
        require_alone(actor)
    kind = ChangeKind.PUBLISH if back_to is None else ChangeKind.ROLLBACK
    with changing_program(actor, reason):
        content = content_of(kind, back_to)
        target = Target(kind, str(back_to or ""), str(kind.label))
        return _store(actor, target, at, reason, content_hash=content.hash, request=request)


def check_time(at: datetime) -> None:
    """Refuse a time that is past or too far ahead. Raises Invalid."""
    now = timezone.now()
    if at <= now:
        raise Invalid(FieldError("at", "is past; choose a later time, or leave it out"))
    if at > now + timedelta(days=AHEAD_DAYS_MAX):
        raise Invalid(FieldError("at", f"is more than {AHEAD_DAYS_MAX} days ahead"))


def _store(actor: Actor, target: Target, at: datetime, reason: str, **values: Any) -> ScheduledChange:
    now = timezone.now()
    check_time(at)
    with changing_program(actor, reason):
        if ScheduledChange.objects.filter(state=ChangeState.SCHEDULED).count() >= WAITING_ROWS_MAX:
            raise Conflict(f"{WAITING_ROWS_MAX} changes are scheduled already; cancel some")
        row = ScheduledChange.objects.create(
            kind=target.kind, object_id=target.id, object_name=target.name[:254], partner=target.partner, at=at,
            reason=reason, actor_kind=actor.kind, actor_id=actor.id, actor_name=(actor.name or actor.kind)[:254],
            actor_partner=actor.partner, **values,
        )  # fmt: skip
        # Terms are published before they count, so that every process knows them.
        lead_s = current_configuration().settings.terms_lead_s if target.kind in TERMS else 0
        enqueue(TASK, {"change": str(row.pk)}, key=f"{TASK}:{row.pk}", run_at=max(now, at - timedelta(seconds=lead_s)))
    return row


def _target(actor: Actor, kind: str, object_id: str) -> Target:
    """Find an object whose state the actor may change. Raises Forbidden, NotFound, Invalid."""
    number = int(object_id) if object_id.isascii() and object_id.isdecimal() and len(object_id) < 11 else 0
    if kind == ChangeKind.PARTNER:
        require_operator(actor, Area.PARTNERS, Action.APPROVE)
        check_partners(actor, Area.PARTNERS, Action.APPROVE, number)
        partner = Partner.objects.filter(number=number).first()
        if partner is not None:
            return Target(kind, str(number), partner.name, number)
    elif kind == ChangeKind.OFFER:
        require_operator(actor, Area.PROGRAM, Action.WRITE)
        offer = visible_offers(actor).filter(number=number).first()
        if offer is not None:
            if offer.published:
                actor.require(Area.PROGRAM, Action.APPROVE)
            return Target(kind, str(number), offer.name)
    elif kind == ChangeKind.LINK:
        link = visible_links(actor, Action.WRITE).filter(code=object_id).first()
        if link is not None:
            return Target(kind, link.code, link.code, link.partner_id)
    else:
        raise Invalid(FieldError("kind", f"must be one of {', '.join(ChangeKind.values)}"))
    raise NotFound(f"there is no {kind} {object_id}")


def cancel_change(actor: Actor, change_id: UUID) -> ScheduledChange:
    """Cancel a change that waits. Raises Forbidden, NotFound, Conflict."""
    seen = scheduled_change_of(actor, change_id)
    if seen.kind in TERMS:
        require_operator(actor, Area.PROGRAM, Action.APPROVE)
    else:
        _target(actor, seen.kind, seen.object_id)
    with changing_program(actor):
        row = ScheduledChange.objects.select_for_update().get(pk=change_id)
        if row.state != ChangeState.SCHEDULED:
            raise Conflict(f"the change is {row.state} already")
        _end(row, ChangeState.CANCELLED, "")
    return row


def run_change(change_id: UUID) -> None:
    """Make a change whose time has come, unless it was made or cancelled. A refusal makes it failed, with a mail.

    The state of the row changes in the transaction of the change itself, so a second run finds nothing to do.
    """
    row = ScheduledChange.objects.filter(pk=change_id, state=ChangeState.SCHEDULED).first()
    if row is None:
        return
    try:
        actor = actor_of_job(row.actor_kind, row.actor_id, row.actor_partner)
        with changing_program(actor, _reason(row)) as head:
            row = ScheduledChange.objects.select_for_update().get(pk=change_id)
            if row.state == ChangeState.SCHEDULED:
                _end(row, ChangeState.DONE, _make(actor, row, head))
    except Refused as error:
        fail_change(change_id, str(error))


def _reason(row: ScheduledChange) -> str:
    return f"{row.reason} (scheduled on {row.created:%Y-%m-%d %H:%M} UTC by {row.actor_name})".strip()


def _make(actor: Actor, row: ScheduledChange, head: ProgramHead) -> str:
    """Make the change in the open transaction; return what was different from the plan. Raises Refused."""
    if row.kind == ChangeKind.PARTNER:
        transition(actor, int(row.object_id), row.to, _reason(row))
    elif row.kind == ChangeKind.OFFER:
        set_offer_status(actor, int(row.object_id), row.to, _reason(row))
    elif row.kind == ChangeKind.LINK:
        set_link_status(actor, row.object_id, row.to, _reason(row))
    else:
        return _publish(actor, row, head)
    return ""


def _publish(actor: Actor, row: ScheduledChange, head: ProgramHead) -> str:
    require_operator(actor, Area.PROGRAM, Action.APPROVE)
    if row.request is None:
        require_alone(actor)
    back_to = int(row.object_id) if row.object_id else None
    if content_of(row.kind, back_to).hash != row.content_hash:
        raise Conflict("the terms have changed since this was scheduled; look at the difference, and schedule again")
    asked = row.request
    approval = Approval(asked.requester, row.actor_name, asked.comment) if asked is not None else None
    version = carry_out(head, row.kind, back_to, approval, row.at)
    if asked is not None:
        asked.version = version.seq
        asked.save(update_fields=["version"])
    late = f", later than {row.at:%Y-%m-%d %H:%M:%S}" if version.effective > row.at else ""
    return f"version {version.seq} counts from {version.effective:%Y-%m-%d %H:%M:%S} UTC{late}"


def _end(row: ScheduledChange, state: ChangeState, result: str) -> None:
    row.state, row.finished, row.result = state, timezone.now(), result
    row.save(update_fields=["state", "finished", "result"])


def fail_change(change_id: UUID, why: str) -> None:
    """Note that a change was not made, and tell the person who scheduled it."""
    with changing_program(Origin(ActorKind.JOB, name=TASK), "a scheduled change was not made"):
        row = ScheduledChange.objects.select_for_update().filter(pk=change_id, state=ChangeState.SCHEDULED).first()
        if row is None:
            return
        _end(row, ChangeState.FAILED, why[:_RESULT_CHARS_MAX])
        people = User.objects.filter(is_active=True)
        person = people.filter(pk=UUID(row.actor_id)).first() if row.actor_kind == ActorKind.PERSON else None
        if person is not None:
            link = page_link("console_scheduled")
            values = {"change": str(row), "at": row.at, "why": why, "link": link}
            queue_mail("scheduled_change.failed", person.email, values, person=person)
