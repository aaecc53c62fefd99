"""Changes of partners. Each function is one change: checks, transaction, audit."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area, Limit
from control.changes import apply_values, locked
from control.errors import Conflict, FieldError, Forbidden, Invalid, Mistakes
from control.numbers.sequence import take_one
from control.partners.access import check_partners, require_operator
from control.partners.models import Partner, PartnerTransition
from control.partners.states import FIRST_STATES, REASON_REQUIRED, TRANSITIONS, PartnerStatus
from control.program.routing import Touched, publish_routes
from control.program.versions import changing_program

KIND = "partner"
"""Kind of the numbers of partners."""
EDITABLE = frozenset(
    {"name", "kind", "type", "email", "company", "country", "language", "website", "traffic_sources", "tags"}
    | {"group", "tier", "manager", "parent", "custom", "external_ids"}
)
PROFILE = frozenset({"name", "email", "company", "country", "language", "website", "traffic_sources"})
"""Fields that a partner's own people may change."""
DEPTH_MAX = 5
"""Most levels of partners under each other."""


def create_partner(actor: Actor, values: Mapping[str, Any], status: str = PartnerStatus.APPLIED) -> Partner:
    """Store a new partner under the next number. Raises Forbidden, Invalid."""
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    with changing_program(actor):
        partner = new_partner(actor, take_one(KIND), values, status)
        partner.save(force_insert=True)
        note_states(actor, [(partner, "")], "")
        publish_routes(Touched(partners=[partner.number]))
    return partner


def new_partner(actor: Actor, number: int, values: Mapping[str, Any], status: str, *, in_bulk: bool = False) -> Partner:
    """Make a partner, checked and not stored yet. Raises Forbidden, Invalid."""
    mistakes, is_first = Mistakes(), status in FIRST_STATES
    if not is_first:
        mistakes.add("status", f"a new partner is one of {', '.join(sorted(FIRST_STATES))}")
    partner = Partner(number=number, status=PartnerStatus(status) if is_first else PartnerStatus.APPLIED)
    with mistakes.gathered():
        apply_values(partner, values, EDITABLE, in_bulk=in_bulk)
    mistakes.check()
    if actor.is_limited(Area.PARTNERS, Limit.OWN):
        _give_to(actor, partner)
    _check_parent(partner)
    return partner


def change_partner(actor: Actor, number: int, values: Mapping[str, Any]) -> Partner:
    """Change fields of a partner. Its state changes by `transition`. Raises Forbidden, NotFound, Invalid."""
    check_partners(actor, Area.PARTNERS, Action.WRITE, number)
    with changing_program(actor):
        partner = locked(Partner, "partner", number=number)
        changed = set_values(actor, partner, values)
        if changed:
            partner.save(update_fields=changed)
        if "kind" in changed:
            publish_routes(Touched(partners=[number]))
    return partner


def set_values(actor: Actor, partner: Partner, values: Mapping[str, Any], *, in_bulk: bool = False) -> list[str]:
    """Set fields of a locked partner and check them, without storing; return the changed ones.

    Raises Forbidden, Invalid.
    """
    if actor.is_limited(Area.PARTNERS, Limit.OWN) and "manager" in values:
        raise Forbidden("only those who see all partners may give one to another manager")
    changed = apply_values(partner, values, EDITABLE if actor.is_operator else PROFILE, in_bulk=in_bulk)
    if "parent" in changed:
        _check_parent(partner)
    return changed


def transition(actor: Actor, number: int, to: str, reason: str = "") -> Partner:
    """Move a partner to another state; its links follow at once.

    Raises Forbidden, NotFound, Invalid, and Conflict for a state that is not allowed.
    """
    require_operator(actor, Area.PARTNERS, Action.APPROVE)
    check_partners(actor, Area.PARTNERS, Action.APPROVE, number)
    with changing_program(actor, reason):
        partner = locked(Partner, "partner", number=number)
        old = set_status(partner, to, reason)
        partner.save(update_fields=["status"])
        note_states(actor, [(partner, old)], reason)
        publish_routes(Touched(partners=[number]))
    return partner


def activate_approved(actor: Actor, number: int, reason: str) -> None:
    """Make an approved partner active, for what the partner has done; others stay as they are.

    Call it within `changing_program`. The right to do that is the caller's to check.
    """
    partner = locked(Partner, "partner", number=number)
    if partner.status != PartnerStatus.APPROVED:
        return
    old = set_status(partner, PartnerStatus.ACTIVE, reason)
    partner.save(update_fields=["status"])
    note_states(actor, [(partner, old)], reason)
    publish_routes(Touched(partners=[number]))


def set_status(partner: Partner, to: str, reason: str) -> PartnerStatus:
    """Set the state of a locked partner if the transition is allowed, without storing; return the old one.

    Raises Invalid, Conflict.
    """
    old, new = PartnerStatus(partner.status), _status(to)
    if new not in TRANSITIONS[old]:
        allowed = ", ".join(sorted(TRANSITIONS[old]))
        raise Conflict(f"partner {partner.number} is {old} and cannot become {new}; it may become {allowed}")
    if new in REASON_REQUIRED and not reason.strip():
        raise Invalid(FieldError("reason", f"is missing; say why the partner becomes {new}"))
    partner.status = new
    return old


def _give_to(actor: Actor, partner: Partner) -> None:
    """Make a manager who sees only own partners the manager of a new one. Raises Forbidden."""
    if partner.manager_id is not None and str(partner.manager_id) != actor.id:
        raise Forbidden("only those who see all partners may give one to another manager")
    partner.manager_id = UUID(actor.id)


def _status(text: str) -> PartnerStatus:
    try:
        return PartnerStatus(text)
    except ValueError:
        raise Invalid(FieldError("status", f"must be one of {', '.join(PartnerStatus.values)}")) from None


def _check_parent(partner: Partner) -> None:
    """Refuse a parent that is the partner itself or one below it, and trees that are too deep. Raises Invalid."""
    above: list[int] = []
    parent = partner.parent
    while parent is not None and len(above) <= DEPTH_MAX:
        above.append(parent.number)
        parent = parent.parent
    if partner.number in above:
        raise Invalid(FieldError("parent", "is the partner itself or one of its children"))
    if above and len(above) + _levels_below([partner.number]) > DEPTH_MAX:
        raise Invalid(FieldError("parent", f"makes more than {DEPTH_MAX} levels"))


def _levels_below(numbers: list[int]) -> int:
    """Return the number of levels of a tree from these partners down."""
    levels = 0
    # A new partner has no row yet, and is a level all the same.
    while numbers and levels <= DEPTH_MAX:
        levels += 1
        numbers = list(Partner.objects.filter(parent__in=numbers).values_list("number", flat=True))
    return levels


def note_states(actor: Actor, moved: Iterable[tuple[Partner, str]], reason: str) -> None:
    """Keep the order of the states of partners, each given with the state before; empty for a new partner."""
    name = (actor.name or actor.kind)[:254]
    PartnerTransition.objects.bulk_create(
        PartnerTransition(partner=partner, old=old, new=partner.status, reason=reason, actor=name)
        for partner, old in moved
    )
