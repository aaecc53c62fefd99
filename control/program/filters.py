"""Filters of offers, links, plans, coupons and approvals."""

from typing import Any, Literal

from django.db.models import Q
from pydantic import Field

from control.filters import (
    AmountMax,
    AmountMin,
    CreatedFilters,
    FilterSet,
    From,
    Number,
    PercentMax,
    PercentMin,
    To,
    holds,
)
from control.program.models import Approval, Coupon, Link, Offer, Plan
from program.file import NAME_CHARS_MAX

_LANDING_PAGES = {"own": ~Q(landing_url=""), "offer": Q(landing_url="")}


class OfferFilters(CreatedFilters):
    """Filters of offers."""

    name: str = Field("", max_length=NAME_CHARS_MAX)
    status: str = Field("", max_length=8)
    access: str = Field("", max_length=8)
    landing_url: str = Field("", max_length=2_048)
    allowed_hosts: str = Field("", max_length=253, description="A host that offers allow.")
    goals: str = Field("", max_length=64, description="Key of a goal that offers have.")
    reopen: bool | None = None
    pass_through: bool | None = None
    published: bool | None = None


class LinkFilters(CreatedFilters):
    """Filters of links."""

    offer: Number = None
    partner: Number = None
    code: str = Field("", max_length=255, description="The whole code; q finds parts of it.")
    status: str = Field("", max_length=8)
    landing_url: str = Field("", max_length=2_048, description="The whole landing page of links that have their own.")
    landing_page: Literal["", "own", "offer"] = Field(
        "", description="`own` for links with a landing page of their own, `offer` for those that use the offer's."
    )


class TermsFilters(CreatedFilters):
    """Filters of plans and coupons."""

    state: str = Field("", max_length=9)
    ending: bool | None = None
    offer: Number = None
    partner: Number = None


class PlanFilters(TermsFilters):
    """Filters of plans."""

    goal: str = Field("", max_length=64)
    model: str = Field("", max_length=200)
    percent_min: PercentMin = Field("")
    percent_max: PercentMax = Field("")
    fixed_min: AmountMin = Field("")
    fixed_max: AmountMax = Field("")


class CouponFilters(TermsFilters):
    """Filters of coupons."""

    code: str = Field("", max_length=128, description="The whole code; q finds parts of it.")
    starts_from: From = Field("")
    starts_to: To = Field("")
    ends_from: From = Field("")
    ends_to: To = Field("")


class ApprovalFilters(CreatedFilters):
    """Filters of approvals."""

    status: str = Field("", max_length=9)
    offer: Number = None
    partner: Number = None


def _fixed(lookup: str) -> Any:
    return lambda value: Q(**{f"fixed_minor__{lookup}": value[0], "fixed_currency": value[1]})


OFFER_FILTERS: FilterSet[Offer] = FilterSet(
    OfferFilters,
    lambda _actor, rows, text: rows.filter(name__icontains=text),
    {"allowed_hosts": holds("allowed_hosts"), "goals": holds("goals", of="key")},
)
LINK_FILTERS: FilterSet[Link] = FilterSet(
    LinkFilters,
    lambda _actor, rows, text: rows.filter(code__icontains=text),
    {"landing_page": lambda value: _LANDING_PAGES[value]},
)
PLAN_FILTERS: FilterSet[Plan] = FilterSet(
    PlanFilters,
    lambda _actor, rows, text: rows.filter(key__icontains=text),
    {
        "percent_min": lambda value: Q(percent_e6__gte=value),
        "percent_max": lambda value: Q(percent_e6__lte=value),
        "fixed_min": _fixed("gte"),
        "fixed_max": _fixed("lte"),
    },
)
COUPON_FILTERS: FilterSet[Coupon] = FilterSet(
    CouponFilters, lambda _actor, rows, text: rows.filter(code__icontains=text)
)
APPROVAL_FILTERS: FilterSet[Approval] = FilterSet(
    ApprovalFilters, lambda _actor, rows, text: rows.filter(reason__icontains=text)
)
