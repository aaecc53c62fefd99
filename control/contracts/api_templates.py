"""API: templates of contracts."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, page
from control.api.money import Money
from control.contracts import templates as services
from control.contracts.models import REASON_CHARS_MAX, ContractTemplate, TemplateVersion
from control.contracts.selectors import template_of, templates
from control.filters import NUMBER_MAX

contract_templates = Router(tags=["contract templates"])
_ORDERS = Orders({"code": "code", "created": "created"}, "code")
_PERCENT = r"^(\d{1,3}(\.\d{1,6})?)?$"


class VariableFields(Schema):
    """A variable of the text, written `{{ name }}`."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)
    label: str = Field("", max_length=200)
    type: Literal["text", "number", "date"] = "text"
    default: str = Field("", max_length=500)


class PlanTerms(Schema):
    """Payout terms, with the fields of a plan."""

    model_config = ConfigDict(extra="forbid")

    offer: int = Field(ge=1, le=NUMBER_MAX)
    goal: str = Field("", max_length=64)
    percent: str = Field("", pattern=_PERCENT, description="Such as 8.5.")
    fixed: Money | None = None
    hold: str = Field("", max_length=32, description="Such as 30d.")


class VersionFields(Schema):
    """Content of a version."""

    model_config = ConfigDict(extra="forbid")

    texts: dict[str, str] = Field(description="Markdown by language.")
    variables: list[VariableFields] = Field(default_factory=list, max_length=100)
    plan_terms: list[PlanTerms] = Field(default_factory=list, max_length=200)
    term_months: int | None = Field(None, ge=1, le=1_200, description="Months until the end; null for no end.")
    notice_days: int = Field(30, ge=0, le=730)
    tail_days: int = Field(30, ge=0, le=730)
    countersign: bool = Field(False, description="Whether an operator signs after the partner.")
    change_note: str = Field("", max_length=REASON_CHARS_MAX)


class TemplateIn(Schema):
    """A template to add, with the draft of its first version."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(max_length=40)
    name: str = Field(max_length=200)
    kind: Literal["master", "schedule", "addendum", "nda", "dpa"] = "master"
    version: VersionFields


class TemplateVersionOut(VersionFields):
    """A version of a template."""

    number: int
    sha256: str = Field(description="Hash of the content; empty for a draft.")
    published: datetime | None


class TemplateOut(Schema):
    """A template with its versions, the newest first."""

    id: str
    code: str
    name: str
    kind: str
    created: datetime
    versions: list[TemplateVersionOut]


class TemplatePage(Schema):
    """Page of templates."""

    items: list[TemplateOut]
    next: str | None


def _version(version: TemplateVersion) -> TemplateVersionOut:
    return TemplateVersionOut(**{name: getattr(version, name) for name in TemplateVersionOut.model_fields})


def template_out(template: ContractTemplate) -> TemplateOut:
    """Show a template."""
    versions = [_version(version) for version in template.versions.all()]
    names = ("code", "name", "kind", "created")
    return TemplateOut(id=str(template.pk), versions=versions, **{name: getattr(template, name) for name in names})


@contract_templates.get("", response=answers(TemplatePage))
def list_templates(request: HttpRequest, query: Query[PageQuery]) -> HttpResponse:
    """List templates."""
    found = templates(actor_of(request))
    if query.q:
        found = found.filter(name__icontains=query.q)
    return page(request, found, query, _ORDERS, template_out)


@contract_templates.post("", response=answers(TemplateOut, status=201))
def create_template(request: HttpRequest, body: TemplateIn) -> Status[TemplateOut]:
    """Add a template, with the draft of its first version."""
    values = body.model_dump()
    version = values.pop("version")
    return Status(201, template_out(services.create_template(actor_of(request), values, version)))


@contract_templates.get("/{template_id}", response=answers(TemplateOut, errors=(404,)))
def get_template(request: HttpRequest, template_id: UUID) -> TemplateOut:
    """Get one template."""
    return template_out(template_of(actor_of(request), template_id))


@contract_templates.put("/{template_id}/draft", response=answers(TemplateVersionOut, errors=(404,)))
def put_draft(request: HttpRequest, template_id: UUID, body: VersionFields) -> TemplateVersionOut:
    """Write the draft of the next version. Published versions never change."""
    return _version(services.save_draft(actor_of(request), template_id, body.model_dump()))


@contract_templates.post("/{template_id}/publish", response=answers(TemplateVersionOut, errors=(404, 409)))
def publish_draft(request: HttpRequest, template_id: UUID) -> TemplateVersionOut:
    """Publish the draft. From then on, it never changes, and new contracts are made from it."""
    return _version(services.publish_version(actor_of(request), template_id))
