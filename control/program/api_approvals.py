"""API: approvals of partners for offers."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, page
from control.api.published import naming_version
from control.filters import NUMBER_MAX
from control.program.access import approvals as visible_approvals
from control.program.filters import APPROVAL_FILTERS, ApprovalFilters
from control.program.models import Approval, ApprovalStatus
from control.program.services.approvals import decide_access, request_access

approvals = Router(tags=["approvals"])
_ORDERS = Orders({"created": "created"}, "-created")


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

    offer: int = Field(ge=1, le=NUMBER_MAX)
    partner: int = Field(ge=1, le=NUMBER_MAX)
    status: str = Field(ApprovalStatus.REQUESTED.value, description="requested, approved or rejected.")
    reason: str = Field("", max_length=4_000)


class ApprovalQuery(ApprovalFilters, PageQuery):
    """Filters of approvals."""


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
def list_approvals(request: HttpRequest, query: Query[ApprovalQuery]) -> HttpResponse:
    """List approvals, newest first."""
    actor = actor_of(request)
    found = APPROVAL_FILTERS.asked(actor, visible_approvals(actor), query, request.GET.dict())
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
