"""API: applications."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from control.accounts.actor import Actor, command_line
from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, exactly, page
from control.applications import deciding
from control.applications.models import Application
from control.applications.selectors import application_of, sees_applications, visible_applications
from control.applications.states import ApplicationStatus
from control.errors import FieldError, Invalid
from control.filters import NUMBER_MAX
from control.partners.access import require_operator

applications = Router(tags=["applications"])
_ORDERS = Orders({"submitted": "submitted", "id": "id"}, "-submitted")
_TEXT_CHARS_MAX = 4_000


class PartOut(Schema):
    """Part of a score."""

    code: str
    points: int
    evidence: str


class DuplicateOut(Schema):
    """Partner or application that may be of the same person or company."""

    of: str = Field(description="partner or application.")
    id: str
    name: str
    kinds: list[str]
    evidence: list[str]


class ApplicationOut(Schema):
    """An application. Fields that the caller may not see are empty."""

    id: str
    form: str
    version: int
    status: str
    name: str
    email: str
    locale: str
    company: str
    website: str
    country: str
    answers: dict[str, Any]
    source: dict[str, str]
    referred_by: int | None
    score: int | None
    parts: list[PartOut]
    duplicates: list[DuplicateOut]
    reason: str
    reason_text: str
    question: str
    partner: int | None
    assigned: str | None
    decided_by: str
    rule: str
    due: datetime | None
    submitted: datetime
    verified: datetime | None
    decided: datetime | None
    again_from: datetime | None = Field(description="Time from which a rejected person may apply again.")


class ApplicationPage(Schema):
    """Page of applications."""

    items: list[ApplicationOut]
    next: str | None


class ApplicationQuery(PageQuery):
    """Filters of applications."""

    status: str = ""
    form: UUID | None = None
    country: str = ""
    score_min: int | None = Field(None, ge=0, le=100)


class ApplicationDecisionIn(Schema):
    """State that an application is to have, with what the state needs."""

    model_config = ConfigDict(extra="forbid")

    to: str = Field(max_length=10, description="needs_info, approved or rejected.")
    question: str = Field("", max_length=_TEXT_CHARS_MAX, description="Needed for needs_info.")
    reason: str = Field("", max_length=40, description="Code of a reason; needed for rejected.")
    reason_text: str = Field("", max_length=_TEXT_CHARS_MAX, description="Needed for the reason other.")
    note: str = Field("", max_length=_TEXT_CHARS_MAX, description="Internal note.")
    contract_template: str = Field("", max_length=60, description="Contract that a new partner is sent.")
    contract_values: dict[str, Any] = Field(default_factory=dict, description="Values of the contract's variables.")
    partner: int | None = Field(None, ge=1, le=NUMBER_MAX, description="Partner that the applicant joins.")


class NoteIn(Schema):
    """An internal note."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=_TEXT_CHARS_MAX)


class AssignIn(Schema):
    """Operator who takes an application; null for all."""

    model_config = ConfigDict(extra="forbid")

    assigned: UUID | None


_PERSONAL: dict[str, Any] = {
    "name": "", "email": "", "company": "", "website": "", "answers": {}, "source": {}, "parts": [], "duplicates": [],
    "reason_text": "", "question": "",
}  # fmt: skip
"""Values that are shown instead of those that an actor may not see."""


def application_out(row: Application, actor: Actor) -> ApplicationOut:
    """Show an application."""
    same = ("status", "name", "email", "locale", "company", "website", "country", "answers", "source", "score", "parts",
            "duplicates", "reason", "reason_text", "question", "decided_by", "rule", "due", "submitted", "verified",
            "decided")  # fmt: skip
    values = {name: getattr(row, name) for name in same}
    if not sees_applications(actor):
        values |= _PERSONAL
    rejected = row.status == ApplicationStatus.REJECTED
    return ApplicationOut(
        id=str(row.pk), form=str(row.form_id), version=row.version.number, referred_by=row.referred_by_id,
        partner=row.partner_id, assigned=str(row.assigned_id) if row.assigned_id else None,
        again_from=row.again_from if rejected else None, **values,
    )  # fmt: skip


def application_event(row: Application) -> Schema:
    """Show an application as events do."""
    return application_out(row, command_line())


@applications.get("", response=answers(ApplicationPage))
def list_applications(request: HttpRequest, query: Query[ApplicationQuery]) -> HttpResponse:
    """List applications, newest first."""
    actor = actor_of(request)
    found = exactly(visible_applications(actor), query, "status", "form", "country")
    if query.score_min is not None:
        found = found.filter(score__gte=query.score_min)
    if query.q:
        found = found.filter(name__icontains=query.q) if sees_applications(actor) else found.none()
    return page(request, found, query, _ORDERS, lambda row: application_out(row, actor))


@applications.get("/{application_id}", response=answers(ApplicationOut, errors=(404,)))
def get_application(request: HttpRequest, application_id: UUID) -> ApplicationOut:
    """Get one application."""
    actor = actor_of(request)
    return application_out(application_of(actor, application_id), actor)


@applications.post("/{application_id}/transitions", response=answers(ApplicationOut, errors=(404, 409)))
def decide(request: HttpRequest, application_id: UUID, body: ApplicationDecisionIn) -> ApplicationOut:
    """Ask for more information, approve or reject; the applicant gets a mail."""
    actor = actor_of(request)
    require_operator(actor, Area.PARTNERS, Action.APPROVE)
    if body.to == ApplicationStatus.NEEDS_INFO:
        row = deciding.ask(actor, application_id, body.question)
    elif body.to == ApplicationStatus.APPROVED:
        row = deciding.approve(
            actor, application_id, contract_template=body.contract_template, partner=body.partner, note=body.note,
            contract_values=body.contract_values,
        )  # fmt: skip
    elif body.to == ApplicationStatus.REJECTED:
        row = deciding.reject(actor, application_id, body.reason, body.reason_text, note=body.note)
    else:
        raise Invalid(FieldError("to", "must be needs_info, approved or rejected"))
    return application_out(row, actor)


@applications.post("/{application_id}/notes", response=answers(ApplicationOut, errors=(404, 409)))
def add_note(request: HttpRequest, application_id: UUID, body: NoteIn) -> ApplicationOut:
    """Add an internal note."""
    actor = actor_of(request)
    return application_out(deciding.note(actor, application_id, body.text), actor)


@applications.post("/{application_id}/assign", response=answers(ApplicationOut, errors=(404,)))
def assign(request: HttpRequest, application_id: UUID, body: AssignIn) -> ApplicationOut:
    """Give an application to an operator, or back to all."""
    actor = actor_of(request)
    return application_out(deciding.assign(actor, application_id, body.assigned), actor)
