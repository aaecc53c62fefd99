"""Changes of leads: one function for each transition. Each of them leaves one event in the audit trail."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import apply_values, changing
from control.clock.calendar import after
from control.clock.services import business_calendar
from control.errors import Conflict, FieldError, Forbidden, Invalid, Mistakes, NotFound
from control.jobs.queue import enqueue
from control.leads.candidates import asked_partners, lead_routing, ways_of
from control.leads.mails import mail_manager, mail_partner
from control.leads.models import REASON_CHARS_MAX, Lead, LeadOffer, LeadRouting
from control.leads.selectors import lead_of
from control.leads.states import HELD, SHOWN, TRANSITIONS, Answer, LeadState
from control.partners.access import require_operator, sees_all
from control.partners.models import Partner
from control.partners.states import PartnerStatus
from control.territories.matching import folded

ROUTE_TASK = "leads.route"
LEADS_AT_ONCE_MAX = 1_000
EDITABLE = frozenset(
    {"source", "company", "contact", "email", "phone", "country", "region", "postal", "segment", "product", "note"}
    | {"value_minor", "value_currency", "consent"}
)
_MOVED = [
    "state", "partner", "offered_to", "territory", "deadline", "last_activity", "reminders", "escalated", "reason",
    "order_number", "conversions",
]  # fmt: skip


def create_leads(actor: Actor, items: Sequence[Mapping[str, Any]]) -> list[Lead]:
    """Store new leads; a job offers those with consent to partners. Raises Forbidden, Invalid."""
    _require_all(actor)
    if not 1 <= len(items) <= LEADS_AT_ONCE_MAX:
        raise Invalid(FieldError("items", f"must hold 1 to {LEADS_AT_ONCE_MAX} leads"))
    mistakes, rows = Mistakes(), []
    for position, values in enumerate(items):
        row = Lead()
        try:
            apply_values(row, values, EDITABLE, in_bulk=True)
        except Invalid as error:
            prefix = f"items[{position}]." if len(items) > 1 else ""
            for one in error.errors:
                mistakes.add(prefix + one.field, one.message)
        row.company_key = folded(row.company)[:200]
        rows.append(row)
    mistakes.check()
    with changing(actor):
        Lead.objects.bulk_create(rows)
        if any(row.consent for row in rows):
            enqueue(ROUTE_TASK, key=ROUTE_TASK)
    return rows


def change_lead(actor: Actor, lead_id: UUID, values: Mapping[str, Any]) -> Lead:
    """Change what is known of a lead. Raises Forbidden, NotFound, Invalid."""
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    with changing(actor):
        lead = _locked(actor, lead_id)
        if values.get("consent") is False and lead.state in HELD | {LeadState.OFFERED}:
            raise Invalid(FieldError("consent", "cannot be removed while a partner has the lead; take it back first"))
        if changed := apply_values(lead, values, EDITABLE):
            lead.save(update_fields=[*changed, "company_key"])
            if lead.state == LeadState.NEW and lead.consent:
                enqueue(ROUTE_TASK, key=ROUTE_TASK)
    return lead


def route(actor: Actor, lead_id: UUID, now: datetime) -> Lead:
    """Offer a new lead to the first partner. Raises Forbidden, NotFound, Conflict."""
    _require_all(actor)
    with changing(actor):
        lead = _locked(actor, lead_id)
        _require_state(lead, LeadState.NEW, to=LeadState.OFFERED)
        _require_consent(lead)
        _offer_next(lead, now)
    return lead


def offer_to(actor: Actor, lead_id: UUID, number: int, now: datetime) -> Lead:
    """Offer a new lead to a chosen partner. Raises Forbidden, NotFound, Invalid, Conflict."""
    _require_all(actor)
    with changing(actor):
        lead = _locked(actor, lead_id)
        _require_state(lead, LeadState.NEW, to=LeadState.OFFERED)
        _require_consent(lead)
        partner = Partner.objects.filter(number=number).first()
        if partner is None or partner.status != PartnerStatus.ACTIVE:
            raise Invalid(FieldError("partner", f"there is no active partner {number}"))
        if number in asked_partners(lead):
            raise Conflict(f"partner {number} was asked for this lead already")
        _offer(lead, partner, None, f"Chosen by {actor.name or actor.kind}", lead_routing(), now)
        lead.save(update_fields=_MOVED)
    return lead


def accept(actor: Actor, lead_id: UUID, now: datetime) -> Lead:
    """Accept a lead that is offered to the actor's partner. Raises Forbidden, NotFound, Conflict."""
    with changing(actor):
        lead = _offered(actor, lead_id, now)
        _answer(lead, Answer.ACCEPTED, now)
        lead.state, lead.partner, lead.offered_to, lead.deadline = LeadState.ACCEPTED, lead.offered_to, None, None
        _touch(lead, now)
        lead.save(update_fields=_MOVED)
    return lead


def decline(actor: Actor, lead_id: UUID, reason: str, now: datetime) -> Lead:
    """Decline a lead that is offered to the actor's partner; the next one is asked. Raises as `accept`, and Invalid."""
    text = _reason(reason, "say why you do not take the lead")
    with changing(actor, text):
        lead = _offered(actor, lead_id, now)
        _answer(lead, Answer.DECLINED, now, text)
        lead.reason = text
        _offer_next(lead, now)
    return lead


def work(actor: Actor, lead_id: UUID, now: datetime, note: str = "") -> Lead:
    """Note that the partner works on an accepted lead, which counts as activity. Raises as `accept`."""
    with changing(actor, note.strip()[:REASON_CHARS_MAX]):
        lead = _held(actor, lead_id, LeadState.WORKING)
        lead.state, lead.reason = LeadState.WORKING, note.strip()[:REASON_CHARS_MAX]
        _touch(lead, now)
        lead.save(update_fields=_MOVED)
    return lead


def win(actor: Actor, lead_id: UUID, now: datetime, order_number: str = "", conversions: Sequence[str] = ()) -> Lead:
    """Note that a lead has become an order. Raises as `accept`, and Invalid without an order or a conversion."""
    number = order_number.strip()
    if not number and not conversions:
        raise Invalid(FieldError("order_number", "is missing; give the number of the order, or ids of conversions"))
    with changing(actor):
        lead = _held(actor, lead_id, LeadState.WON)
        values = {"order_number": number, "conversions": list(conversions)}
        apply_values(lead, values, frozenset(values))
        lead.state = LeadState.WON
        _touch(lead, now)
        lead.save(update_fields=_MOVED)
    return lead


def lose(actor: Actor, lead_id: UUID, reason: str, now: datetime) -> Lead:
    """Note that a lead has become nothing. Raises as `accept`, and Invalid without a reason."""
    text = _reason(reason, "say why the lead is lost")
    with changing(actor, text):
        lead = _held(actor, lead_id, LeadState.LOST)
        lead.state, lead.reason = LeadState.LOST, text
        _touch(lead, now)
        lead.save(update_fields=_MOVED)
    return lead


def take_back(actor: Actor, lead_id: UUID, reason: str, now: datetime) -> Lead:
    """Take a lead back from a partner; the next one is asked. Raises Forbidden, NotFound, Invalid, Conflict."""
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    text = _reason(reason, "say why the lead is taken back")
    with changing(actor, text):
        lead = _locked(actor, lead_id)
        _require_state(lead, LeadState.OFFERED, *HELD, to=LeadState.NEW)
        _reclaim(lead, Answer.WITHDRAWN if lead.state == LeadState.OFFERED else Answer.RECLAIMED, text, now)
    return lead


def expire(actor: Actor, lead_id: UUID, now: datetime, reason: str = "") -> Lead:
    """End a lead that nobody has. Raises Forbidden, NotFound, Conflict."""
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    with changing(actor, reason):
        lead = _locked(actor, lead_id)
        _require_state(lead, LeadState.NEW, to=LeadState.EXPIRED)
        lead.state, lead.reason, lead.last_activity = LeadState.EXPIRED, reason[:REASON_CHARS_MAX], now
        lead.save(update_fields=_MOVED)
    return lead


def late(actor: Actor, lead_id: UUID, now: datetime) -> bool:
    """Pass a lead on whose partner has not answered in time; return whether it was so."""
    with changing(actor, "no answer in time"):
        lead = _locked(actor, lead_id)
        if lead.state != LeadState.OFFERED or lead.deadline is None or now < lead.deadline:
            return False
        _answer(lead, Answer.LATE, now)
        lead.reason = "no answer in time"
        _offer_next(lead, now)
    return True


def idle(actor: Actor, lead_id: UUID, routing: LeadRouting, now: datetime) -> bool:
    """Remind the partner of a lead without activity, or take it back after two reminders; return whether it was due.

    Reminders go out after one and two thirds of the idle days.
    """
    with changing(actor, f"no activity for {routing.idle_days} days"):
        lead = _locked(actor, lead_id)
        third = timedelta(days=routing.idle_days) / 3
        if lead.state not in HELD or now < lead.last_activity + third * (lead.reminders + 1):
            return False
        if lead.reminders < 2:
            lead.reminders += 1
            lead.save(update_fields=["reminders"])
            assert lead.partner is not None
            mail_partner("lead.reminder", lead, lead.partner)
        else:
            _reclaim(lead, Answer.RECLAIMED, f"no activity for {routing.idle_days} days", now)
    return True


def change_routing(actor: Actor, values: Mapping[str, Any]) -> LeadRouting:
    """Change how leads find their partners; deadlines that are set stay. Raises Forbidden, Invalid."""
    _require_all(actor)
    with changing(actor):
        row = LeadRouting.objects.select_for_update().filter(pk=1).first() or LeadRouting(pk=1)
        numbers = {int(number) for number in values.get("pool", {}) if str(number).isdecimal()}
        known = set(Partner.objects.filter(number__in=numbers).values_list("number", flat=True))
        if missing := sorted(numbers - known):
            raise Invalid(FieldError("pool", f"there is no partner {missing[0]}"))
        names = frozenset({"accept_h", "idle_days", "expire_days", "max_open", "pool", "manager"})
        if apply_values(row, values, names):
            row.save()
    return row


def _require_all(actor: Actor) -> None:
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    if not sees_all(actor, Area.PARTNERS):
        raise Forbidden("only those who see all partners may give leads to them")


def _locked(actor: Actor, lead_id: UUID) -> Lead:
    lead_of(actor, lead_id, Action.WRITE)
    lead = Lead.objects.select_for_update(of=("self",)).select_related("partner", "offered_to").get(pk=lead_id)
    if actor.partner is not None and actor.partner not in (lead.partner_id, lead.offered_to_id):
        raise NotFound(f"there is no lead {lead_id}")
    return lead


def _offered(actor: Actor, lead_id: UUID, now: datetime) -> Lead:
    """Return a lead that waits for the answer of the actor's partner, locked. Raises NotFound, Forbidden, Conflict."""
    lead = _locked(actor, lead_id)
    if actor.partner is None:
        raise Forbidden("only the partner answers an offer; take the lead back, or offer it to somebody else")
    _require_state(lead, LeadState.OFFERED, to=LeadState.ACCEPTED)
    if lead.deadline is None or now >= lead.deadline:
        raise Conflict("the time to answer is over; the lead goes to the next partner")
    return lead


def _held(actor: Actor, lead_id: UUID, to: LeadState) -> Lead:
    lead = _locked(actor, lead_id)
    _require_state(lead, *(state for state in SHOWN if to in TRANSITIONS[state]), to=to)
    return lead


def _require_state(lead: Lead, *states: LeadState, to: LeadState) -> None:
    if lead.state not in states:
        raise Conflict(f"the lead is {lead.state}; only one that is {' or '.join(sorted(states))} becomes {to}")


def _require_consent(lead: Lead) -> None:
    if not lead.consent:
        raise Conflict("the contact has not agreed that a partner gets the data, so the lead is not offered")


def _reason(text: str, hint: str) -> str:
    if not text.strip():
        raise Invalid(FieldError("reason", f"is missing; {hint}"))
    if len(text) > REASON_CHARS_MAX:
        raise Invalid(FieldError("reason", f"must have at most {REASON_CHARS_MAX} characters"))
    return text.strip()


def _touch(lead: Lead, now: datetime) -> None:
    moved = now if now != lead.last_activity else now + timedelta(microseconds=1)  # each change leaves an event
    lead.last_activity, lead.reminders = moved, 0


def _answer(lead: Lead, answer: Answer, now: datetime, reason: str = "") -> None:
    """Note the end of the offer to the partner who has the lead, or is asked."""
    number = lead.offered_to_id or lead.partner_id
    LeadOffer.objects.filter(lead=lead, partner=number).update(answer=answer, answered=now, reason=reason)


def _reclaim(lead: Lead, answer: Answer, reason: str, now: datetime) -> None:
    partner = lead.partner or lead.offered_to
    assert partner is not None
    _answer(lead, answer, now, reason)
    lead.reason = reason
    mail_partner("lead.reclaimed", lead, partner)
    _offer_next(lead, now)


def _offer_next(lead: Lead, now: datetime) -> None:
    """Offer a locked lead to the next partner, and store it; if nobody is left, tell the manager."""
    routing = lead_routing()
    lead.partner = lead.offered_to = lead.territory = lead.deadline = None
    found = ways_of(lead.point(), asked_partners(lead), routing, now)
    if found:
        choice = found[0]
        _offer(lead, Partner.objects.get(number=choice.partner), choice.territory or None, choice.why, routing, now)
    else:
        lead.state, lead.escalated = LeadState.NEW, now
        _touch(lead, now)
        mail_manager("lead.unassigned", lead, routing)
    lead.save(update_fields=_MOVED)


def _offer(lead: Lead, partner: Partner, territory: str | None, why: str, routing: LeadRouting, now: datetime) -> None:
    due = after(business_calendar(), now, timedelta(hours=routing.accept_h))
    key = UUID(territory) if territory else None
    rank = LeadOffer.objects.filter(lead=lead).count() + 1
    LeadOffer.objects.create(lead=lead, partner=partner, territory_id=key, rank=rank, why=why, at=now, due=due)
    lead.state, lead.offered_to, lead.territory_id, lead.deadline = LeadState.OFFERED, partner, key, due
    lead.escalated = None
    _touch(lead, now)
    mail_partner("lead.offered", lead, partner)
