"""API: exports."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, exactly, page
from control.exports.answer import export_answer
from control.exports.models import Export
from control.exports.selectors import exports as own_exports
from control.exports.selectors import one_export
from control.exports.services import delete_export, start_export

exports = Router(tags=["exports"])
_FILE: dict[str, Any] = {"responses": {200: {"content": {"application/octet-stream": {}}}}}
_ORDERS = Orders({"created": "created"}, "-created")


class ExportIn(Schema):
    """A file to make."""

    model_config = ConfigDict(extra="forbid")

    resource: str = Field(
        max_length=16, description="partners, offers, links, plans, coupons, approvals, report, conversions."
    )
    format: str = Field("csv", max_length=4, description="csv or xlsx.")
    filters: dict[str, Any] = Field(
        default_factory=dict, description='Such as {"status": "active"}; of a report its parameters.'
    )


class ExportOut(Schema):
    """A file of one kind of objects, for a week."""

    id: str
    resource: str
    title: str
    format: str
    filters: dict[str, Any]
    state: str = Field(description="waiting, running, done or failed.")
    problem: str
    rows: int = Field(description="Rows that are written by now.")
    total_rows: int = Field(description="Rows that there will be; 0 if nobody knows.")
    size_bytes: int
    created: datetime
    expires: datetime


class ExportPage(Schema):
    """Page of exports."""

    items: list[ExportOut]
    next: str | None


class ExportQuery(PageQuery):
    """Filters of exports."""

    resource: str = Field("", max_length=16)
    format: str = Field("", max_length=4)
    state: str = Field("", max_length=8)


def export_out(found: Export) -> ExportOut:
    """Show an export."""
    names = ("resource", "format", "filters", "state", "problem", "total_rows", "created", "expires")
    size_bytes = found.file.size_bytes if found.file is not None else 0
    return ExportOut(
        id=str(found.pk), title=found.label, rows=found.rows_count, size_bytes=size_bytes,
        **{name: getattr(found, name) for name in names},
    )  # fmt: skip


@exports.get("", response=answers(ExportPage))
def list_exports(request: HttpRequest, query: Query[ExportQuery]) -> HttpResponse:
    """List the caller's exports, newest first."""
    actor = actor_of(request)
    actor.require(Area.PARTNERS, Action.READ)
    found = exactly(own_exports(actor), query, "resource", "format", "state")
    if query.q:
        found = found.filter(resource__icontains=query.q)
    return page(request, found, query, _ORDERS, export_out)


@exports.post("", response=answers(ExportOut, status=202, errors=(409,)))
def add_export(request: HttpRequest, body: ExportIn) -> Status[ExportOut]:
    """Ask for a file with the objects that the caller may see; an import reads it again."""
    found = start_export(actor_of(request), body.resource, body.format, body.filters)
    return Status(202, export_out(found))


@exports.get("/{export_id}", response=answers(ExportOut, errors=(404,)))
def get_export(request: HttpRequest, export_id: UUID) -> ExportOut:
    """Get one export."""
    actor = actor_of(request)
    actor.require(Area.PARTNERS, Action.READ)
    return export_out(one_export(actor, export_id))


@exports.get("/{export_id}/file", response=answers(None, errors=(404, 409)), openapi_extra=_FILE)
def get_export_file(request: HttpRequest, export_id: UUID) -> HttpResponse:
    """Download the file. 409 until it is made."""
    actor = actor_of(request)
    actor.require(Area.PARTNERS, Action.READ)
    return export_answer(actor, export_id)


@exports.delete("/{export_id}", response=answers(None, status=204, errors=(404,)))
def remove_export(request: HttpRequest, export_id: UUID) -> Status[None]:
    """Delete an export with its file."""
    actor = actor_of(request)
    actor.require(Area.PARTNERS, Action.READ)
    delete_export(actor, export_id)
    return Status(204, None)
