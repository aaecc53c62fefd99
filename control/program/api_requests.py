"""API: approval of terms by a second person."""

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import AwareDatetime, ConfigDict, Field

from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, exactly, page
from control.api.published import naming_version
from control.program.models import PublishRequest
from control.program.services.publish_requests import (
    approve_request,
    ask_to_publish,
    decline_request,
    publish_request_of,
    publish_requests,
    withdraw_request,
)

requests = Router(tags=["publish-requests"])
_ORDERS = Orders({"created": "created"}, "-created")
_SEQ_MAX = 2**31


class PublishRequestOut(Schema):
    """A request that another person approves terms."""

    id: str
    kind: str = Field(description="publish or rollback.")
    back_to: int | None
    content_hash: str = Field(description="Hash of the terms before and after; the approval counts for them only.")
    diff: list[str] = Field(description="Difference at the time of the request, in sentences.")
    comment: str
    at: datetime | None = Field(description="Time from which the terms are to count; null for at once.")
    state: str = Field(description="open, approved, declined, withdrawn or replaced.")
    requester: str
    created: datetime
    decider: str
    decided: datetime | None
    decision_reason: str
    version: int | None = Field(description="Version that the approval has made.")


class PublishRequestIn(Schema):
    """Request for approval of the drafts, or of a rollback."""

    model_config = ConfigDict(extra="forbid")

    comment: str = Field("", max_length=2_000)
    back_to: int | None = Field(None, ge=1, le=_SEQ_MAX, description="Version to go back to; without it, drafts count.")
    at: AwareDatetime | None = Field(None, description="Time from which the terms are to count.")


class DecisionIn(Schema):
    """Reason of a decision."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=2_000)


class PublishRequestQuery(PageQuery):
    """Filters of requests."""

    kind: str = Field("", max_length=8)
    state: str = Field("", max_length=9)
    content_hash: str = Field("", max_length=64)
    requester: str = Field("", max_length=254)
    decider: str = Field("", max_length=254)
    back_to: int | None = Field(None, ge=1, le=_SEQ_MAX)
    version: int | None = Field(None, ge=1, le=_SEQ_MAX)


class PublishRequestPage(Schema):
    """Page of requests."""

    items: list[PublishRequestOut]
    next: str | None


def request_out(row: PublishRequest) -> PublishRequestOut:
    values = {name: getattr(row, name) for name in PublishRequestOut.model_fields}
    return PublishRequestOut(**{**values, "id": str(row.pk)})


@requests.get("", response=answers(PublishRequestPage))
def list_publish_requests(request: HttpRequest, query: Query[PublishRequestQuery]) -> HttpResponse:
    """List requests, newest first."""
    names = ("kind", "state", "content_hash", "requester", "decider", "back_to", "version")
    found = exactly(publish_requests(actor_of(request)), query, *names)
    if query.q:
        found = found.filter(comment__icontains=query.q)
    return page(request, found, query, _ORDERS, request_out)


@requests.post("", response=answers(PublishRequestOut, status=201, errors=(404, 409)))
def add_publish_request(request: HttpRequest, body: PublishRequestIn) -> Status[PublishRequestOut]:
    """Ask another person to approve the drafts as they are now, or a rollback."""
    return Status(201, request_out(ask_to_publish(actor_of(request), body.comment, body.back_to, body.at)))


@requests.get("/{request_id}", response=answers(PublishRequestOut, errors=(404,)))
def get_publish_request(request: HttpRequest, request_id: UUID) -> PublishRequestOut:
    """Get one request."""
    return request_out(publish_request_of(actor_of(request), request_id))


@requests.post("/{request_id}/approve", response=answers(PublishRequestOut, errors=(404, 409)))
def approve_publish_request(
    request: HttpRequest, response: HttpResponse, request_id: UUID, body: DecisionIn
) -> PublishRequestOut:
    """Approve a request of another person, which publishes it. Only people approve, never API keys."""
    actor_of(request).require(Area.PROGRAM, Action.APPROVE)
    with naming_version(response):
        return request_out(approve_request(actor_of(request), request_id, body.reason))


@requests.post("/{request_id}/decline", response=answers(PublishRequestOut, errors=(404, 409)))
def decline_publish_request(request: HttpRequest, request_id: UUID, body: DecisionIn) -> PublishRequestOut:
    """Decline a request of another person, with a reason. Only people decline, never API keys."""
    return request_out(decline_request(actor_of(request), request_id, body.reason))


@requests.post("/{request_id}/withdraw", response=answers(PublishRequestOut, errors=(404, 409)))
def withdraw_publish_request(request: HttpRequest, request_id: UUID) -> PublishRequestOut:
    """Take back a request of one's own."""
    return request_out(withdraw_request(actor_of(request), request_id))
