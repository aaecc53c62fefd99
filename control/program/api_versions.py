"""API: versions of the program."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, exactly, page
from control.api.published import HEADER
from control.program.models import ProgramVersion
from control.program.publishing import publish, rollback
from control.program.selectors import diff, version_of
from control.program.selectors import versions as all_versions

program_versions = Router(tags=["program-versions"])
_VERSION_ORDERS = Orders({"seq": "seq"}, "-seq")
_SEQ_MAX = 2**63 - 1


class VersionOut(Schema):
    """A version of the program."""

    seq: int
    kind: str
    terms_hash: str
    routes_root: str
    published: datetime
    effective: datetime = Field(description="Time from which the terms count.")
    author: str
    approver: str = Field(description="Person who approved the request of the author; empty without a request.")
    reason: str
    diff: list[str] = Field(description="Difference from the version before, in sentences.")
    back_to: int | None


class VersionQuery(PageQuery):
    """Filters of versions."""

    kind: str = Field("", max_length=11, description="published, routes or rolled_back.")
    terms_hash: str = Field("", max_length=64)
    routes_root: str = Field("", max_length=64)
    author: str = Field("", max_length=254)
    approver: str = Field("", max_length=254)
    back_to: int | None = Field(None, ge=1, le=_SEQ_MAX)


class VersionPage(Schema):
    """Page of versions."""

    items: list[VersionOut]
    next: str | None


class DiffOut(Schema):
    """Difference of two versions, in sentences."""

    diff: list[str]


class PublishIn(Schema):
    """Reason of a version."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=4_000)


class RollbackIn(PublishIn):
    """Version to go back to."""

    seq: int = Field(ge=1, le=_SEQ_MAX)


def version_out(version: ProgramVersion) -> VersionOut:
    return VersionOut(**{name: getattr(version, name) for name in VersionOut.model_fields})


@program_versions.get("", response=answers(VersionPage))
def list_versions(request: HttpRequest, query: Query[VersionQuery]) -> HttpResponse:
    """List versions, newest first."""
    names = ("kind", "terms_hash", "routes_root", "author", "approver", "back_to")
    found = exactly(all_versions(actor_of(request)), query, *names)
    if query.q:
        found = found.filter(reason__icontains=query.q)
    return page(request, found, query, _VERSION_ORDERS, version_out)


@program_versions.post("/publish", response=answers(VersionOut, status=201, errors=(409,)))
def publish_program(request: HttpRequest, response: HttpResponse, body: PublishIn) -> Status[VersionOut]:
    """Publish all drafts as one version."""
    version = publish(actor_of(request), body.reason)
    response[HEADER] = str(version.seq)
    return Status(201, version_out(version))


@program_versions.post("/rollback", response=answers(VersionOut, status=201, errors=(404, 409)))
def roll_back(request: HttpRequest, response: HttpResponse, body: RollbackIn) -> Status[VersionOut]:
    """Make a new version with the terms of an old one."""
    version = rollback(actor_of(request), body.seq, body.reason)
    response[HEADER] = str(version.seq)
    return Status(201, version_out(version))


class DiffQuery(Schema):
    """Versions to compare."""

    old: int = Field(ge=1, le=_SEQ_MAX)
    new: int = Field(ge=1, le=_SEQ_MAX)


@program_versions.get("/diff", response=answers(DiffOut, errors=(404,)))
def diff_versions(request: HttpRequest, query: Query[DiffQuery]) -> DiffOut:
    """Compare two versions."""
    return DiffOut(diff=diff(actor_of(request), query.old, query.new))


@program_versions.get("/{seq}", response=answers(VersionOut, errors=(404,)))
def get_version(request: HttpRequest, seq: int) -> VersionOut:
    """Get one version."""
    return version_out(version_of(actor_of(request), seq if 0 < seq <= _SEQ_MAX else 0))
