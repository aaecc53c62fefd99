"""API: plans, coupons, and approvals."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from control.accounts.actor import Actor
from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.etags import check_if_match, set_etag
from control.api.lists import Orders, PageQuery, page
from control.api.published import naming_version
from control.errors import FieldError, Invalid, NotFound
from control.partners.access import visible_partners
from control.program.access import approvals as visible_approvals
from control.program.access import coupons as visible_coupons
from control.program.access import plans as visible_plans
from control.program.access import visible_offers
from control.program.models import Approval, ApprovalStatus, Coupon, Plan
from control.program.services.approvals import decide_access, request_access
from control.program.services.terms_rows import (
    change_coupon,
    change_plan,
    create_coupon,
    create_plan,
    discard,
    end,
)
from program.fields import percent_e6
from program.to_toml import format_percent
from schemas.values.durations import format_duration, parse_duration_us
from schemas.values.money import format_minor, parse_minor

plans, coupons, approvals = (Router(tags=[tag]) for tag in ("plans", "coupons", "approvals"))
_ORDERS = Orders({"created": "created"}, "-created")
_NUMBER_MAX = 2**32 - 1
_DURATIONS = {"hold": "hold_us", "click_window": "click_window_us", "impression_window": "impression_window_us"}


class Money(Schema):
    """An amount."""

    model_config = ConfigDict(extra="forbid")

    amount: str = Field(max_length=32)
    currency: str = Field(max_length=3)


class TermsFields(Schema):
    """Fields of every row that decides money."""

    id: str
    state: str = Field(description="draft, published or ended.")
    ending: bool = Field(description="Whether the next version ends it.")
    valid_from: datetime | None
    valid_to: datetime | None
    created: datetime


class PlanPatch(Schema):
    """Fields of a draft of a plan."""

    model_config = ConfigDict(extra="forbid")

    offer: int = Field(0, ge=0, le=_NUMBER_MAX)
    partner: int | None = Field(None, ge=1, le=_NUMBER_MAX, description="Without it, the plan is for all partners.")
    goal: str = Field("", description="Without it, the plan is for all goals.")
    percent: str = Field("0", max_length=16)
    fixed: Money | None = None
    hold: str = Field("", max_length=32, description="Such as 30d.")
    model: str = "last_click"
    click_window: str | None = Field(None, max_length=32)
    impression_window: str | None = Field(None, max_length=32)
    conversions_min: int | None = Field(None, ge=0, le=2**31)


class PlanIn(PlanPatch):
    """A plan to add, as a draft."""

    offer: int = Field(ge=1, le=_NUMBER_MAX)


class PlanOut(PlanPatch, TermsFields):
    """A plan."""


class CouponPatch(Schema):
    """Fields of a draft of a coupon."""

    model_config = ConfigDict(extra="forbid")

    code: str = ""
    partner: int = Field(0, ge=0, le=_NUMBER_MAX)
    offer: int = Field(0, ge=0, le=_NUMBER_MAX)
    starts: datetime | None = None
    ends: datetime | None = None


class CouponIn(CouponPatch):
    """A coupon to add, as a draft."""

    code: str
    partner: int = Field(ge=1, le=_NUMBER_MAX)
    offer: int = Field(ge=1, le=_NUMBER_MAX)


class CouponOut(CouponPatch, TermsFields):
    """A coupon."""


class TermsQuery(PageQuery):
    """Filters of plans and coupons."""

    state: str = Field("", max_length=9)
    offer: int | None = Field(None, ge=1, le=_NUMBER_MAX)
    partner: int | None = Field(None, ge=1, le=_NUMBER_MAX)


class PlanQuery(TermsQuery):
    """Filters of plans."""

    goal: str = Field("", max_length=64)


class CouponQuery(TermsQuery):
    """Filters of coupons."""

    code: str = Field("", max_length=128, description="The whole code; q finds parts of it.")


class PlanPage(Schema):
    """Page of plans."""

    items: list[PlanOut]
    next: str | None


class CouponPage(Schema):
    """Page of coupons."""

    items: list[CouponOut]
    next: str | None


def _terms(row: Plan | Coupon) -> dict[str, Any]:
    names = ("state", "ending", "valid_from", "valid_to", "created")
    return {"id": str(row.pk), "offer": row.offer_id, "partner": row.partner_id} | {n: getattr(row, n) for n in names}


def plan_out(plan: Plan) -> PlanOut:
    fixed = None
    if plan.fixed_minor:
        amount = format_minor(plan.fixed_minor, plan.fixed_currency)
        fixed = Money(amount=amount, currency=plan.fixed_currency)
    durations = {name: _duration(getattr(plan, column)) for name, column in _DURATIONS.items()}
    durations["hold"] = durations["hold"] or "0s"
    return PlanOut(
        goal=plan.goal, percent=format_percent(plan.percent_e6), fixed=fixed, model=plan.model,
        conversions_min=plan.conversions_min, **durations, **_terms(plan),
    )  # fmt: skip


def _duration(value_us: int | None) -> Any:
    return None if not value_us else format_duration(value_us)


def coupon_out(coupon: Coupon) -> CouponOut:
    return CouponOut(code=coupon.code, starts=coupon.starts, ends=coupon.ends, **_terms(coupon))


def _with_rows(actor: Actor, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
    """Replace the numbers of offer and partner by their rows; return the mistakes too."""
    found, errors = dict(values), []
    for name, rows in (("offer", visible_offers(actor)), ("partner", visible_partners(actor))):
        if found.get(name) is not None:
            row = rows.filter(pk=found[name]).first()
            if row is None:
                errors.append(FieldError(name, f"there is no {name} {found[name]}"))
            found[name] = row
    return found, errors


def _plan_values(actor: Actor, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of given fields. Raises Invalid with every mistake."""
    found, errors = _with_rows(actor, values)
    try:
        if "percent" in found:
            found["percent_e6"] = percent_e6(found.pop("percent"))
    except ValueError as error:
        errors.append(FieldError("percent", str(error)))
    if "fixed" in found:
        money = found.pop("fixed") or {"amount": "0", "currency": ""}
        try:
            amount = parse_minor(money["amount"], money["currency"]) if money["currency"] else 0
            found |= {"fixed_minor": amount, "fixed_currency": money["currency"]}
        except ValueError as error:
            errors.append(FieldError("fixed", str(error)))
    for name, column in _DURATIONS.items():
        if name not in found:
            continue
        text = found.pop(name)
        try:
            found[column] = (
                parse_duration_us(text, zero_allowed=name == "hold") if text else (0 if name == "hold" else None)
            )
        except ValueError as error:
            errors.append(FieldError(name, str(error)))
    if errors:
        raise Invalid(*errors)
    return found


def _coupon_values(actor: Actor, values: Mapping[str, Any]) -> dict[str, Any]:
    found, errors = _with_rows(actor, values)
    if errors:
        raise Invalid(*errors)
    return found


def _filtered(found: Any, query: TermsQuery, field: str) -> Any:
    for name in ("state", "offer", "partner", field):
        if (value := getattr(query, name)) not in (None, ""):
            found = found.filter(**{name: value})
    return found


def _writes(request: HttpRequest) -> Actor:
    actor = actor_of(request)
    actor.require(Area.PROGRAM, Action.WRITE)
    return actor


# --------------------------------------------------------------------------------------------------------- plans


@plans.get("", response=answers(PlanPage))
def list_plans(request: HttpRequest, query: Query[PlanQuery]) -> dict[str, Any]:
    """List plans, newest first."""
    found = _filtered(visible_plans(actor_of(request)), query, "goal")
    if query.q:
        found = found.filter(key__icontains=query.q)
    return page(request, found, query, _ORDERS, plan_out)


@plans.post("", response=answers(PlanOut, status=201, errors=(409,)))
def add_plan(request: HttpRequest, response: HttpResponse, body: PlanIn) -> Status[PlanOut]:
    """Add a draft. Published, it replaces the plan that applied to the same."""
    actor = _writes(request)
    shown = plan_out(create_plan(actor, _plan_values(actor, body.model_dump(exclude_unset=True))))
    set_etag(response, shown)
    return Status(201, shown)


@plans.get("/{plan_id}", response=answers(PlanOut, errors=(404,)))
def get_plan(request: HttpRequest, response: HttpResponse, plan_id: UUID) -> PlanOut:
    """Get one plan."""
    shown = plan_out(_one_plan(actor_of(request), plan_id))
    set_etag(response, shown)
    return shown


@plans.patch("/{plan_id}", response=answers(PlanOut, errors=(404, 409, 412)))
def patch_plan(request: HttpRequest, response: HttpResponse, plan_id: UUID, body: PlanPatch) -> PlanOut:
    """Change a draft."""
    actor = _writes(request)
    with transaction.atomic():
        Plan.objects.select_for_update().filter(pk=plan_id).first()
        check_if_match(request, plan_out(_one_plan(actor, plan_id)))
        shown = plan_out(change_plan(actor, plan_id, _plan_values(actor, body.model_dump(exclude_unset=True))))
    set_etag(response, shown)
    return shown


@plans.post("/{plan_id}/end", response=answers(PlanOut, errors=(404, 409)))
def end_plan(request: HttpRequest, plan_id: UUID) -> PlanOut:
    """Let the next version end a published plan."""
    return plan_out(end(_writes(request), Plan, plan_id))


@plans.delete("/{plan_id}", response=answers(None, status=204, errors=(404, 409)))
def delete_plan(request: HttpRequest, plan_id: UUID) -> Status[None]:
    """Discard a draft."""
    discard(_writes(request), Plan, plan_id)
    return Status(204, None)


def _one_plan(actor: Actor, plan_id: UUID) -> Plan:
    plan: Plan | None = visible_plans(actor).filter(pk=plan_id).first()
    if plan is None:
        raise NotFound(f"there is no plan {plan_id}")
    return plan


# ------------------------------------------------------------------------------------------------------- coupons


@coupons.get("", response=answers(CouponPage))
def list_coupons(request: HttpRequest, query: Query[CouponQuery]) -> dict[str, Any]:
    """List coupons, newest first."""
    found = _filtered(visible_coupons(actor_of(request)), query, "code")
    if query.q:
        found = found.filter(code__icontains=query.q)
    return page(request, found, query, _ORDERS, coupon_out)


@coupons.post("", response=answers(CouponOut, status=201))
def add_coupon(request: HttpRequest, response: HttpResponse, body: CouponIn) -> Status[CouponOut]:
    """Add a draft of a coupon."""
    actor = _writes(request)
    shown = coupon_out(create_coupon(actor, _coupon_values(actor, body.model_dump(exclude_unset=True))))
    set_etag(response, shown)
    return Status(201, shown)


@coupons.get("/{coupon_id}", response=answers(CouponOut, errors=(404,)))
def get_coupon(request: HttpRequest, response: HttpResponse, coupon_id: UUID) -> CouponOut:
    """Get one coupon."""
    shown = coupon_out(_one_coupon(actor_of(request), coupon_id))
    set_etag(response, shown)
    return shown


@coupons.patch("/{coupon_id}", response=answers(CouponOut, errors=(404, 409, 412)))
def patch_coupon(request: HttpRequest, response: HttpResponse, coupon_id: UUID, body: CouponPatch) -> CouponOut:
    """Change a draft of a coupon."""
    actor = _writes(request)
    with transaction.atomic():
        Coupon.objects.select_for_update().filter(pk=coupon_id).first()
        check_if_match(request, coupon_out(_one_coupon(actor, coupon_id)))
        values = _coupon_values(actor, body.model_dump(exclude_unset=True))
        shown = coupon_out(change_coupon(actor, coupon_id, values))
    set_etag(response, shown)
    return shown


@coupons.post("/{coupon_id}/end", response=answers(CouponOut, errors=(404, 409)))
def end_coupon(request: HttpRequest, coupon_id: UUID) -> CouponOut:
    """Let the next version end a published coupon."""
    return coupon_out(end(_writes(request), Coupon, coupon_id))


@coupons.delete("/{coupon_id}", response=answers(None, status=204, errors=(404, 409)))
def delete_coupon(request: HttpRequest, coupon_id: UUID) -> Status[None]:
    """Discard a draft of a coupon."""
    discard(_writes(request), Coupon, coupon_id)
    return Status(204, None)


def _one_coupon(actor: Actor, coupon_id: UUID) -> Coupon:
    coupon: Coupon | None = visible_coupons(actor).filter(pk=coupon_id).first()
    if coupon is None:
        raise NotFound(f"there is no coupon {coupon_id}")
    return coupon


# ----------------------------------------------------------------------------------------------------- approvals


class ApprovalOut(Schema):
    """Access of a partner to an offer."""

    id: int
    offer: int
    partner: int
    status: str
    reason: str
    created: datetime


class ApprovalIn(Schema):
    """Access to ask for, or to decide."""

    model_config = ConfigDict(extra="forbid")

    offer: int = Field(ge=1, le=_NUMBER_MAX)
    partner: int = Field(ge=1, le=_NUMBER_MAX)
    status: str = Field(ApprovalStatus.REQUESTED.value, description="requested, approved or rejected.")
    reason: str = Field("", max_length=4_000)


class ApprovalQuery(PageQuery):
    """Filters of approvals."""

    status: str = Field("", max_length=9)
    offer: int | None = Field(None, ge=1, le=_NUMBER_MAX)
    partner: int | None = Field(None, ge=1, le=_NUMBER_MAX)


class ApprovalPage(Schema):
    """Page of approvals."""

    items: list[ApprovalOut]
    next: str | None


def approval_out(approval: Approval) -> ApprovalOut:
    return ApprovalOut(
        id=approval.pk, offer=approval.offer_id, partner=approval.partner_id, status=approval.status,
        reason=approval.reason, created=approval.created,
    )  # fmt: skip


@approvals.get("", response=answers(ApprovalPage))
def list_approvals(request: HttpRequest, query: Query[ApprovalQuery]) -> dict[str, Any]:
    """List approvals, newest first."""
    found = visible_approvals(actor_of(request))
    for name in ("status", "offer", "partner"):
        if (value := getattr(query, name)) not in (None, ""):
            found = found.filter(**{name: value})
    if query.q:
        found = found.filter(reason__icontains=query.q)
    return page(request, found, query, _ORDERS, approval_out)


@approvals.post("", response=answers(ApprovalOut, status=201, errors=(404, 409)))
def set_approval(request: HttpRequest, response: HttpResponse, body: ApprovalIn) -> Status[ApprovalOut]:
    """Ask for access to an offer, or approve or reject a partner for it; its links follow at once."""
    actor = actor_of(request)
    with naming_version(response):
        if body.status == ApprovalStatus.REQUESTED:
            approval = request_access(actor, body.offer, body.partner, body.reason)
        else:
            approval = decide_access(actor, body.offer, body.partner, body.status, body.reason)
    return Status(201, approval_out(approval))
