"""Changes of plans and coupons. New rows are drafts; published ones are only ended, by the next version."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import apply_values, locked
from control.errors import Conflict, FieldError, Invalid
from control.partners.access import require_operator
from control.program.load import coupon_entry, plan_entry
from control.program.models import Coupon, Plan, TermsState
from control.program.versions import changing_program
from program.entries import coupon_key

_R = TypeVar("_R", Plan, Coupon)
PLAN_FIELDS = frozenset(
    {"offer", "partner", "goal", "percent_e6", "fixed_minor", "fixed_currency", "hold_us", "model", "click_window_us"}
    | {"impression_window_us", "conversions_min"}
)
COUPON_FIELDS = frozenset({"code", "partner", "offer", "starts", "ends"})


def create_plan(actor: Actor, values: Mapping[str, Any]) -> Plan:
    """Store a draft of a plan. Published, it ends the plan that applied to the same before.

    `values` has offer and partner as rows. Raises Forbidden, Invalid, and Conflict if there is a draft for the same.
    """
    require_operator(actor, Area.PROGRAM, Action.WRITE)
    with changing_program(actor):
        plan = Plan()
        if not {"percent_e6", "fixed_minor"} & values.keys():
            raise Invalid(FieldError("percent", "is missing: give percent, fixed or both"))
        _set_plan(plan, values)
        if Plan.objects.filter(key=plan.key, state=TermsState.DRAFT).exists():
            raise Conflict(f"there is a draft for {plan.key} already; change or discard it")
        plan.save(force_insert=True)
    return plan


def change_plan(actor: Actor, plan_id: UUID, values: Mapping[str, Any]) -> Plan:
    """Change a draft. Raises Forbidden, NotFound, Invalid, and Conflict for a published plan."""
    require_operator(actor, Area.PROGRAM, Action.WRITE)
    with changing_program(actor):
        plan = _draft(Plan, "plan", plan_id)
        _set_plan(plan, values)
        if Plan.objects.filter(key=plan.key, state=TermsState.DRAFT).exclude(pk=plan.pk).exists():
            raise Conflict(f"there is another draft for {plan.key}; change or discard it")
        plan.save()
    return plan


def _set_plan(plan: Plan, values: Mapping[str, Any]) -> None:
    plan.key = plan.key or "new"
    apply_values(plan, values, PLAN_FIELDS)
    if plan.goal and plan.goal not in {goal["key"] for goal in plan.offer.goals}:
        message = f"offer {plan.offer_id} has no goal {plan.goal}; add it to the offer's goals"
        raise Invalid(FieldError("goal", message))
    if bool(plan.fixed_minor) > bool(plan.fixed_currency):
        raise Invalid(FieldError("fixed_currency", "is missing: say the currency of the fixed amount"))
    plan.key = plan_entry(plan).name


def create_coupon(actor: Actor, values: Mapping[str, Any]) -> Coupon:
    """Store a draft of a coupon. `values` has offer and partner as rows. Raises Forbidden, Invalid."""
    require_operator(actor, Area.PROGRAM, Action.WRITE)
    with changing_program(actor):
        coupon = Coupon()
        _set_coupon(coupon, values)
        coupon.save(force_insert=True)
    return coupon


def change_coupon(actor: Actor, coupon_id: UUID, values: Mapping[str, Any]) -> Coupon:
    """Change a draft. Raises Forbidden, NotFound, Invalid, and Conflict for a published coupon."""
    require_operator(actor, Area.PROGRAM, Action.WRITE)
    with changing_program(actor):
        coupon = _draft(Coupon, "coupon", coupon_id)
        _set_coupon(coupon, values)
        coupon.save()
    return coupon


def _set_coupon(coupon: Coupon, values: Mapping[str, Any]) -> None:
    coupon.key = coupon_key(str(values.get("code", coupon.code)))
    apply_values(coupon, values, COUPON_FIELDS)
    if coupon.starts is not None and coupon.ends is not None and coupon.starts >= coupon.ends:
        raise Invalid(FieldError("ends", "must be later than starts"))
    others = Coupon.objects.filter(key=coupon.key, ending=False).exclude(state=TermsState.ENDED).exclude(pk=coupon.pk)
    for other in others:
        if _overlap(coupon, other):
            message = f"{other.code} is in use for partner {other.partner_id} at an overlapping time"
            raise Invalid(FieldError("code", f"{message}; case does not tell codes apart"))


def _overlap(first: Coupon, second: Coupon) -> bool:
    one, other = coupon_entry(first), coupon_entry(second)
    starts_before = other.from_us is None or one.to_us is None or other.from_us < one.to_us
    ends_after = other.to_us is None or one.from_us is None or one.from_us < other.to_us
    return starts_before and ends_after


def discard(actor: Actor, model: type[_R], row_id: UUID) -> None:
    """Delete a draft. Raises Forbidden, NotFound, and Conflict for a published row."""
    require_operator(actor, Area.PROGRAM, Action.WRITE)
    with changing_program(actor):
        _draft(model, model._meta.model_name or "", row_id).delete()


def end(actor: Actor, model: type[_R], row_id: UUID, *, ending: bool = True) -> _R:
    """Let the next version end a published row; `ending=False` takes it back. Raises Forbidden, NotFound, Conflict."""
    require_operator(actor, Area.PROGRAM, Action.WRITE)
    with changing_program(actor):
        row = locked(model, model._meta.model_name or "", pk=row_id)
        if row.state != TermsState.PUBLISHED:
            raise Conflict(f"{row} is {row.state}; only a published one can be ended")
        if row.ending != ending:
            row.ending = ending
            row.save(update_fields=["ending"])
    return row


def _draft(model: type[_R], noun: str, row_id: UUID) -> _R:
    row = locked(model, noun, pk=row_id)
    if row.state != TermsState.DRAFT:
        raise Conflict(f"{row} is {row.state} and never changes; make a new draft, which replaces it")
    return row
