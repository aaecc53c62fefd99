"""Changes of a partner's people: their roles, and the end of their seats."""

from uuid import UUID

from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.models import Seat
from control.accounts.people import may_give, partner_role_of
from control.accounts.roles import Action, Area, PartnerRole
from control.changes import changing
from control.errors import Conflict, NotFound, validate


def seats(actor: Actor) -> QuerySet[Seat]:
    """Return the seats that the actor may see: those of the own partner, all for operators. Raises Forbidden."""
    actor.require(Area.PEOPLE, Action.READ)
    found: QuerySet[Seat] = Seat.objects.select_related("user").order_by("created", "pk")
    return found if actor.partner is None else found.filter(partner_id=actor.partner)


def change_seat(actor: Actor, seat_id: UUID | str, role: str) -> Seat:
    """Give a partner's person another role. Raises Forbidden, NotFound, Invalid, Conflict."""
    actor.require(Area.PEOPLE, Action.WRITE)
    with changing(actor):
        seat, wanted = _locked(actor, seat_id), partner_role_of(role)
        may_give(actor, PartnerRole(seat.role))
        may_give(actor, wanted)
        if wanted != PartnerRole.OWNER:
            _one_owner_stays(seat)
        seat.role = wanted
        validate(seat)
        seat.save(update_fields=["role"])
    return seat


def remove_seat(actor: Actor, seat_id: UUID | str) -> Seat:
    """Take a person from a partner's people; the person's account stays. Raises Forbidden, NotFound, Conflict."""
    actor.require(Area.PEOPLE, Action.WRITE)
    with changing(actor):
        seat = _locked(actor, seat_id)
        may_give(actor, PartnerRole(seat.role))
        _one_owner_stays(seat)
        seat.delete()
    return seat


def _locked(actor: Actor, seat_id: UUID | str) -> Seat:
    """Return a seat with all seats of its partner locked, so that two owners cannot remove each other at once."""
    found = seats(actor).filter(pk=seat_id).first()
    if found is None:
        raise NotFound(f"there is no person {seat_id}")
    rows = {row.pk: row for row in Seat.objects.select_for_update().filter(partner_id=found.partner_id)}
    if found.pk not in rows:
        raise NotFound(f"there is no person {seat_id}")
    return rows[found.pk]


def _one_owner_stays(seat: Seat) -> None:
    """Refuse the change that would leave a partner without an owner. Raises Conflict."""
    if seat.role != PartnerRole.OWNER:
        return
    others = Seat.objects.exclude(pk=seat.pk).filter(partner_id=seat.partner_id, role=PartnerRole.OWNER)
    if not others.filter(user__is_active=True).exists():
        raise Conflict("the last owner stays; make somebody else an owner first")
