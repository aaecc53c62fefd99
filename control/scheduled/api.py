"""API: scheduled changes."""

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import AwareDatetime, ConfigDict, Field

from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, exactly, page
from control.errors import FieldError, Invalid
from control.program.models import HASH_CHARS
from control.scheduled.models import REASON_CHARS_MAX, ChangeKind, ScheduledChange
from control.scheduled.services import (
    TERMS,
    cancel_change,
    schedule_status,
    schedule_terms,
    scheduled_change_of,
    scheduled_changes,
)

scheduled = Router(tags=["scheduled-changes"])
_ORDERS = Orders({"at": "at", "created": "created"}, "-at")
_OBJECT_CHARS_MAX = 255


class ScheduledOut(Schema):
    """A scheduled change."""

    id: str
    kind: str = Field(description="partner, offer, link, publish or rollback.")
    object: str = Field(description="Number of the partner or offer, code of the link, version to go back to.")
    to: str = Field(description="State that the object is to have.")
    at: datetime = Field(description="Time of the change; for terms, the time from which they are to count.")
    reason: str
    content_hash: str = Field(max_length=HASH_CHARS, description="Terms that were scheduled; others are not published.")
    state: str = Field(description="scheduled, done, failed or cancelled.")
    scheduled_by: str
    created: datetime
    finished: datetime | None
    result: str = Field(description="Reason of a failure, or the version that was made.")


class ScheduledIn(Schema):
    """A change to schedule."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(max_length=8, description="partner, offer, link, publish or rollback.")
    object: str = Field("", max_length=_OBJECT_CHARS_MAX, description="Left out for publish.")
    to: str = Field("", max_length=12, description="State of a partner, offer or link.")
    at: AwareDatetime
    reason: str = Field("", max_length=REASON_CHARS_MAX)


class ScheduledQuery(PageQuery):
    """Filters of scheduled changes."""

    kind: str = Field("", max_length=8)
    object: str = Field("", max_length=_OBJECT_CHARS_MAX)
    to: str = Field("", max_length=12)
    state: str = Field("", max_length=9)
    content_hash: str = Field("", max_length=HASH_CHARS)
    scheduled_by: str = Field("", max_length=254)


class ScheduledPage(Schema):
    """Page of scheduled changes."""

    items: list[ScheduledOut]
    next: str | None


def scheduled_out(row: ScheduledChange) -> ScheduledOut:
    return ScheduledOut(
        id=str(row.pk), kind=row.kind, object=row.object_id, to=row.to, at=row.at, reason=row.reason,
        content_hash=row.content_hash, state=row.state, scheduled_by=row.actor_name, created=row.created,
        finished=row.finished, result=row.result,
    )  # fmt: skip


@scheduled.get("", response=answers(ScheduledPage))
def list_scheduled_changes(request: HttpRequest, query: Query[ScheduledQuery]) -> HttpResponse:
    """List scheduled changes, the latest time first."""
    columns = {"object": "object_id", "scheduled_by": "actor_name"}
    found = exactly(scheduled_changes(actor_of(request)), query, "kind", "to", "state", "content_hash", **columns)
    if query.q:
        found = found.filter(object_name__icontains=query.q)
    return page(request, found, query, _ORDERS, scheduled_out)


@scheduled.post("", response=answers(ScheduledOut, status=201, errors=(404, 409)))
def add_scheduled_change(request: HttpRequest, body: ScheduledIn) -> Status[ScheduledOut]:
    """Schedule the state of a partner, offer or link, or that terms count from a time."""
    actor = actor_of(request)
    if body.kind not in TERMS:
        made = schedule_status(actor, body.kind, body.object, body.to, body.at, body.reason)
    elif body.kind == ChangeKind.PUBLISH:
        made = schedule_terms(actor, body.at, body.reason)
    elif body.object.isascii() and body.object.isdecimal() and len(body.object) < 10:
        made = schedule_terms(actor, body.at, body.reason, int(body.object))
    else:
        raise Invalid(FieldError("object", "must be the number of a version"))
    return Status(201, scheduled_out(made))


@scheduled.get("/{change_id}", response=answers(ScheduledOut, errors=(404,)))
def get_scheduled_change(request: HttpRequest, change_id: UUID) -> ScheduledOut:
    """Get one scheduled change."""
    return scheduled_out(scheduled_change_of(actor_of(request), change_id))


@scheduled.post("/{change_id}/cancel", response=answers(ScheduledOut, errors=(404, 409)))
def cancel_scheduled_change(request: HttpRequest, change_id: UUID) -> ScheduledOut:
    """Cancel a change that waits."""
    actor = actor_of(request)
    actor.require(Area.LINKS, Action.WRITE)  # the least right to change any state
    return scheduled_out(cancel_change(actor, change_id))
