"""API: plans and coupons, the rows that decide money. What both have in common is in `TermsApi`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from control.accounts.actor import Actor
from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.etags import check_if_match, set_etag
from control.api.lists import Orders, PageQuery, page
from control.api.merge_patch import MergePatch
from control.api.money import Money
from control.errors import Mistakes, NotFound
from control.filters import NUMBER_MAX, FilterSet
from control.partners.access import visible_partners
from control.program.access import coupons as visible_coupons
from control.program.access import plans as visible_plans
from control.program.access import visible_offers
from control.program.filters import COUPON_FILTERS, PLAN_FILTERS, CouponFilters, PlanFilters
from control.program.models import Coupon, Plan
from control.program.services.terms_rows import (
    change_coupon,
    change_plan,
    create_coupon,
    create_plan,
    discard,
    end,
)
from control.program.versions import changing_program
from program.fields import percent_e6
from program.to_toml import format_percent
from schemas.values.durations import format_duration, parse_duration_us
from schemas.values.money import format_minor, parse_minor

plans, coupons = (Router(tags=[tag]) for tag in ("plans", "coupons"))
_ORDERS = Orders({"created": "created"}, "-created")
_NO_HOLD = "0s"
_DURATIONS = {"hold": "hold_us", "click_window": "click_window_us", "impression_window": "impression_window_us"}


class TermsFields(Schema):
    """Fields of every row that decides money."""

    id: str
    state: str = Field(description="draft, published or ended.")
    ending: bool = Field(description="Whether the next version ends it.")
    valid_from: datetime | None
    valid_to: datetime | None
    created: datetime


class PlanIn(Schema):
    """A plan to add, as a draft."""

    model_config = ConfigDict(extra="forbid")

    offer: int = Field(ge=1, le=NUMBER_MAX)
    partner: int | None = Field(None, ge=1, le=NUMBER_MAX, description="Without it, the plan is for all partners.")
    goal: str = Field("", description="Without it, the plan is for all goals.")
    percent: str = Field("0", max_length=16)
    fixed: Money | None = None
    hold: str = Field(_NO_HOLD, max_length=32, description="Such as 30d.")
    model: str = "last_click"
    click_window: str | None = Field(None, max_length=32)
    impression_window: str | None = Field(None, max_length=32)
    conversions_min: int | None = Field(None, ge=0, le=2**31)


class PlanPatch(MergePatch, PlanIn):
    """Fields of a draft of a plan to change."""


class PlanOut(PlanIn, TermsFields):
    """A plan."""


class CouponIn(Schema):
    """A coupon to add, as a draft."""

    model_config = ConfigDict(extra="forbid")

    code: str
    partner: int = Field(ge=1, le=NUMBER_MAX)
    offer: int = Field(ge=1, le=NUMBER_MAX)
    starts: datetime | None = None
    ends: datetime | None = None


class CouponPatch(MergePatch, CouponIn):
    """Fields of a draft of a coupon to change."""


class CouponOut(CouponIn, TermsFields):
    """A coupon."""


class PlanQuery(PlanFilters, PageQuery):
    """Filters of plans."""


class CouponQuery(CouponFilters, PageQuery):
    """Filters of coupons."""


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
    durations["hold"] = durations["hold"] or _NO_HOLD
    return PlanOut(
        goal=plan.goal, percent=format_percent(plan.percent_e6), fixed=fixed, model=plan.model,
        conversions_min=plan.conversions_min, **durations, **_terms(plan),
    )  # fmt: skip


def _duration(value_us: int | None) -> Any:
    return None if not value_us else format_duration(value_us)


def coupon_out(coupon: Coupon) -> CouponOut:
    return CouponOut(code=coupon.code, starts=coupon.starts, ends=coupon.ends, **_terms(coupon))


def _plan_columns(found: dict[str, Any], mistakes: Mistakes) -> None:
    """Replace fields of a plan by their columns."""
    try:
        if "percent" in found:
            found["percent_e6"] = percent_e6(found.pop("percent"))
    except ValueError as error:
        mistakes.add("percent", str(error))
    if "fixed" in found:
        money = found.pop("fixed") or {"amount": "0", "currency": ""}
        try:
            amount = parse_minor(money["amount"], money["currency"]) if money["currency"] else 0
            found |= {"fixed_minor": amount, "fixed_currency": money["currency"]}
        except ValueError as error:
            mistakes.add("fixed", str(error))
    for name, column in _DURATIONS.items():
        if name not in found:
            continue
        text = found.pop(name)
        try:
            found[column] = (
                parse_duration_us(text, zero_allowed=name == "hold") if text else (0 if name == "hold" else None)
            )
        except ValueError as error:
            mistakes.add(name, str(error))


_R = TypeVar("_R", Plan, Coupon)
_O = TypeVar("_O", bound=Schema)


@dataclass(frozen=True, slots=True)
class TermsApi(Generic[_R, _O]):
    """Work of the endpoints of one kind of rows that decide money."""

    model: type[_R]
    noun: str
    visible: Callable[[Actor], QuerySet[_R]]
    show: Callable[[_R], _O]
    create: Callable[[Actor, Mapping[str, Any]], _R]
    change: Callable[[Actor, UUID, Mapping[str, Any]], _R]
    columns: Callable[[dict[str, Any], Mistakes], None]
    """Replaces fields by their columns, beyond offer and partner."""
    filters: FilterSet[_R]

    def list(self, request: HttpRequest, query: PageQuery) -> HttpResponse:
        actor = actor_of(request)
        found = self.filters.asked(actor, self.visible(actor), query, request.GET.dict())
        return page(request, found, query, _ORDERS, self.show)

    def add(self, request: HttpRequest, response: HttpResponse, body: Schema) -> Status[_O]:
        actor = _writer(request)
        shown = self.show(self.create(actor, self._values(actor, body.model_dump(exclude_unset=True))))
        set_etag(response, shown)
        return Status(201, shown)

    def get(self, request: HttpRequest, response: HttpResponse, row_id: UUID) -> _O:
        shown = self.show(self._one(actor_of(request), row_id))
        set_etag(response, shown)
        return shown

    def patch(self, request: HttpRequest, response: HttpResponse, row_id: UUID, body: MergePatch) -> _O:
        actor = _writer(request)
        with changing_program(actor):
            self.model._default_manager.select_for_update().filter(pk=row_id).first()
            before = self.show(self._one(actor, row_id))
            check_if_match(request, before)
            shown = self.show(self.change(actor, row_id, self._values(actor, body.values(before))))
        set_etag(response, shown)
        return shown

    def end(self, request: HttpRequest, row_id: UUID) -> _O:
        return self.show(end(_writer(request), self.model, row_id))

    def discard(self, request: HttpRequest, row_id: UUID) -> Status[None]:
        discard(_writer(request), self.model, row_id)
        return Status(204, None)

    def _one(self, actor: Actor, row_id: UUID) -> _R:
        row = self.visible(actor).filter(pk=row_id).first()
        if row is None:
            raise NotFound(f"there is no {self.noun} {row_id}")
        return row

    def _values(self, actor: Actor, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns of given fields, offer and partner as rows. Raises Invalid with every mistake."""
        found, mistakes = dict(given), Mistakes()
        for name, rows in (("offer", visible_offers(actor)), ("partner", visible_partners(actor))):
            if found.get(name) is not None:
                row = rows.filter(pk=found[name]).first()
                if row is None:
                    mistakes.add(name, f"there is no {name} {found[name]}")
                found[name] = row
        self.columns(found, mistakes)
        mistakes.check()
        return found


def _writer(request: HttpRequest) -> Actor:
    actor = actor_of(request)
    actor.require(Area.PROGRAM, Action.WRITE)
    return actor


_PLANS = TermsApi(
    Plan,
    "plan",
    visible_plans,
    plan_out,
    create_plan,
    change_plan,
    _plan_columns,
    PLAN_FILTERS,
)
_COUPONS = TermsApi(
    Coupon, "coupon", visible_coupons, coupon_out, create_coupon, change_coupon, lambda _found, _mistakes: None,
    COUPON_FILTERS,
)  # fmt: skip


# --------------------------------------------------------------------------------------------------------- plans


@plans.get("", response=answers(PlanPage))
def list_plans(request: HttpRequest, query: Query[PlanQuery]) -> HttpResponse:
    """List plans, newest first."""
    return _PLANS.list(request, query)


@plans.post("", response=answers(PlanOut, status=201, errors=(409,)))
def add_plan(request: HttpRequest, response: HttpResponse, body: PlanIn) -> Status[PlanOut]:
    """Add a draft. Published, it replaces the plan that applied to the same."""
    return _PLANS.add(request, response, body)


@plans.get("/{plan_id}", response=answers(PlanOut, errors=(404,)))
def get_plan(request: HttpRequest, response: HttpResponse, plan_id: UUID) -> PlanOut:
    """Get one plan."""
    return _PLANS.get(request, response, plan_id)


@plans.patch("/{plan_id}", response=answers(PlanOut, errors=(404, 409, 412)))
def patch_plan(request: HttpRequest, response: HttpResponse, plan_id: UUID, body: PlanPatch) -> PlanOut:
    """Change a draft."""
    return _PLANS.patch(request, response, plan_id, body)


@plans.post("/{plan_id}/end", response=answers(PlanOut, errors=(404, 409)))
def end_plan(request: HttpRequest, plan_id: UUID) -> PlanOut:
    """Let the next version end a published plan."""
    return _PLANS.end(request, plan_id)


@plans.delete("/{plan_id}", response=answers(None, status=204, errors=(404, 409)))
def delete_plan(request: HttpRequest, plan_id: UUID) -> Status[None]:
    """Discard a draft."""
    return _PLANS.discard(request, plan_id)


# ------------------------------------------------------------------------------------------------------- coupons


@coupons.get("", response=answers(CouponPage))
def list_coupons(request: HttpRequest, query: Query[CouponQuery]) -> HttpResponse:
    """List coupons, newest first."""
    return _COUPONS.list(request, query)


@coupons.post("", response=answers(CouponOut, status=201))
def add_coupon(request: HttpRequest, response: HttpResponse, body: CouponIn) -> Status[CouponOut]:
    """Add a draft of a coupon."""
    return _COUPONS.add(request, response, body)


@coupons.get("/{coupon_id}", response=answers(CouponOut, errors=(404,)))
def get_coupon(request: HttpRequest, response: HttpResponse, coupon_id: UUID) -> CouponOut:
    """Get one coupon."""
    return _COUPONS.get(request, response, coupon_id)


@coupons.patch("/{coupon_id}", response=answers(CouponOut, errors=(404, 409, 412)))
def patch_coupon(request: HttpRequest, response: HttpResponse, coupon_id: UUID, body: CouponPatch) -> CouponOut:
    """Change a draft of a coupon."""
    return _COUPONS.patch(request, response, coupon_id, body)


@coupons.post("/{coupon_id}/end", response=answers(CouponOut, errors=(404, 409)))
def end_coupon(request: HttpRequest, coupon_id: UUID) -> CouponOut:
    """Let the next version end a published coupon."""
    return _COUPONS.end(request, coupon_id)


@coupons.delete("/{coupon_id}", response=answers(None, status=204, errors=(404, 409)))
def delete_coupon(request: HttpRequest, coupon_id: UUID) -> Status[None]:
    """Discard a draft of a coupon."""
    return _COUPONS.discard(request, coupon_id)
