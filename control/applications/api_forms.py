"""API: application forms and their rules."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.api.answers import answers
from control.api.etags import check_if_match, set_etag
from control.api.lists import Orders, PageQuery, exactly, page
from control.api.merge_patch import MergePatch
from control.applications import auto_rules
from control.applications.forms_services import (
    change_application_form,
    close_form,
    create_application_form,
    publish_fields,
)
from control.applications.funnel import funnel
from control.applications.models import ApplicationForm, AutoRule
from control.applications.selectors import form_of, rule_of, rules_of, visible_forms
from control.custom_forms.conditions import Condition
from control.custom_forms.definition import FIELDS_MAX, FieldDefinition

application_forms = Router(tags=["application-forms"])
application_rules = Router(tags=["application-forms"])
_ORDERS = Orders({"name": "name", "created": "created"}, "name")


class FormFields(Schema):
    """Fields of an application form that may be given and changed."""

    model_config = ConfigDict(extra="forbid")

    slug: str = Field(max_length=60, description="Last part of the address: /apply/SLUG/.")
    name: str = Field(max_length=120)
    intro: dict[str, str] = Field(default_factory=dict, description="Text above the fields, by language.")
    fields: list[FieldDefinition] = Field(
        default_factory=list, max_length=FIELDS_MAX, description="Draft of the fields; publishing makes it a version."
    )
    color: str = Field("", max_length=7, description="Colour of the program, such as #0F6CBD.")
    group: str = Field("", max_length=80)
    partner_type: str = Field("", max_length=16)
    manager: UUID | None = None
    contract_template: str = Field("", max_length=60)
    verify_email: bool = True
    reapply: str = Field("days", max_length=8, description="instant, days or never.")
    reapply_days: int = Field(30, ge=1, le=3_650)
    sla_h: int = Field(48, ge=1, le=2_000, description="Business hours until an application should be decided.")
    referral_allowed: bool = True
    countries: list[str] = Field(default_factory=list, max_length=300)
    words: list[str] = Field(default_factory=list, max_length=50)
    weights: dict[str, int] = Field(default_factory=dict, description="Points that differ from the usual ones.")
    embed_hosts: list[str] = Field(default_factory=list, max_length=20)


class FormIn(FormFields):
    """An application form to add. Without fields, it begins with website and country."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"required": ["slug", "name"]})

    slug: str = Field("", max_length=60)
    name: str = Field("", max_length=120)


class FormPatch(MergePatch, FormFields):
    """Fields of an application form to change."""


class FunnelOut(Schema):
    """Numbers of the last 30 days."""

    visited: int
    started: int
    submitted: int
    verified: int
    decided: int
    approved: int


class FormOut(FormFields):
    """An application form."""

    id: str
    status: str
    version: int | None = Field(description="Number of the version that people see.")
    has_changes: bool = Field(description="True if the draft differs from that version.")
    created: datetime


class FormPage(Schema):
    """Page of application forms."""

    items: list[FormOut]
    next: str | None


class FormQuery(PageQuery):
    """Filters of application forms."""

    status: str = ""


class RuleFields(Schema):
    """Fields of a rule."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=120)
    position: int = Field(100, ge=0, le=100_000)
    conditions: list[Condition] = Field(default_factory=list, max_length=auto_rules.CONDITIONS_MAX)
    action: str = Field("", max_length=8, description="approve or reject.")
    reason: str = Field("", max_length=40)


class RuleOut(RuleFields):
    """A rule."""

    id: str
    form: str
    mode: str
    dry_run: dict[str, Any]


class RuleList(Schema):
    """Rules of a form, in the order in which they are asked; there is no further page."""

    items: list[RuleOut]
    next: str | None = None


class TriedOut(Schema):
    """An old application that a rule would have decided."""

    application: str
    name: str
    score: int | None
    country: str
    by_hand: str
    differs: bool


class RuleDryRunOut(Schema):
    """Result of a dry run over the last applications."""

    rows: int
    fits: int
    differs: int
    items: list[TriedOut]


class ModeIn(Schema):
    """State of a rule."""

    model_config = ConfigDict(extra="forbid")

    mode: str = Field(max_length=3, description="on or off.")


def form_out(form: ApplicationForm) -> FormOut:
    """Show a form."""
    newest = form.fields.newest()
    names = FormFields.model_fields.keys() - {"fields", "manager"}
    values: dict[str, Any] = {name: getattr(form, name) for name in names}
    return FormOut(
        id=str(form.pk), status=form.status, version=newest.number if newest is not None else None,
        has_changes=newest is None or newest.content != form.fields.draft, created=form.created,
        manager=form.manager_id, fields=form.fields.definition.fields, **values,
    )  # fmt: skip


def _rule(rule: AutoRule) -> RuleOut:
    values = {name: getattr(rule, name) for name in RuleFields.model_fields}
    result = {name: value for name, value in rule.dry_run.items() if name != "digest"}
    return RuleOut(id=str(rule.pk), form=str(rule.form_id), mode=rule.mode, dry_run=result, **values)


def _split(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the settings, and the definition of the fields if it is given."""
    fields = values.pop("fields", None)
    return values, None if fields is None else {"fields": fields}


@application_forms.get("", response=answers(FormPage))
def list_forms(request: HttpRequest, query: Query[FormQuery]) -> HttpResponse:
    """List application forms."""
    found = exactly(visible_forms(actor_of(request)), query, "status")
    if query.q:
        found = found.filter(name__icontains=query.q)
    return page(request, found, query, _ORDERS, form_out)


@application_forms.post("", response=answers(FormOut, status=201, errors=(409,)))
def add_form(request: HttpRequest, response: HttpResponse, body: FormIn) -> Status[FormOut]:
    """Add an application form, as a draft."""
    settings, definition = _split(body.model_dump(exclude_unset=True, mode="json"))
    shown = form_out(create_application_form(actor_of(request), settings, definition))
    set_etag(response, shown)
    return Status(201, shown)


@application_forms.get("/{form_id}", response=answers(FormOut, errors=(404,)))
def get_form(request: HttpRequest, response: HttpResponse, form_id: UUID) -> FormOut:
    """Get one application form."""
    shown = form_out(form_of(actor_of(request), form_id))
    set_etag(response, shown)
    return shown


@application_forms.patch("/{form_id}", response=answers(FormOut, errors=(404, 409, 412)))
def patch_form(request: HttpRequest, response: HttpResponse, form_id: UUID, body: FormPatch) -> FormOut:
    """Change settings and the draft of the fields."""
    actor = actor_of(request)
    with transaction.atomic():
        before = form_out(form_of(actor, form_id))
        check_if_match(request, before)
        values = body.values(before)
        if "fields" in values:
            values["fields"] = [
                field.model_dump(mode="json", exclude_defaults=True) if isinstance(field, FieldDefinition) else field
                for field in values["fields"]
            ]
        settings, definition = _split(values)
        shown = form_out(change_application_form(actor, form_id, settings, definition))
    set_etag(response, shown)
    return shown


@application_forms.post("/{form_id}/publish", response=answers(FormOut, errors=(404, 409)))
def publish_form(request: HttpRequest, response: HttpResponse, form_id: UUID) -> FormOut:
    """Make the draft of the fields the version that people see, and open the form."""
    publish_fields(actor_of(request), form_id)
    return get_form(request, response, form_id)


@application_forms.post("/{form_id}/close", response=answers(FormOut, errors=(404, 409)))
def close(request: HttpRequest, response: HttpResponse, form_id: UUID) -> FormOut:
    """Take no more applications by a form."""
    close_form(actor_of(request), form_id)
    return get_form(request, response, form_id)


@application_forms.get("/{form_id}/funnel", response=answers(FunnelOut, errors=(404,)))
def get_funnel(request: HttpRequest, form_id: UUID) -> FunnelOut:
    """Get how many people came how far in the last 30 days."""
    found = funnel(form_of(actor_of(request), form_id))
    return FunnelOut(**{name: getattr(found, name) for name in FunnelOut.model_fields})


@application_forms.get("/{form_id}/rules", response=answers(RuleList, errors=(404,)))
def list_rules(request: HttpRequest, form_id: UUID) -> RuleList:
    """List the rules of a form, in the order in which they are asked."""
    return RuleList(items=[_rule(rule) for rule in rules_of(actor_of(request), form_id)])


@application_forms.post("/{form_id}/rules", response=answers(RuleOut, status=201, errors=(404, 409)))
def add_rule(request: HttpRequest, form_id: UUID, body: RuleFields) -> Status[RuleOut]:
    """Add a rule, which is off."""
    values = body.model_dump(exclude_unset=True, mode="json")
    return Status(201, _rule(auto_rules.create_rule(actor_of(request), form_id, values)))


@application_rules.get("/{rule_id}", response=answers(RuleOut, errors=(404,)))
def get_rule(request: HttpRequest, rule_id: UUID) -> RuleOut:
    """Get one rule."""
    return _rule(rule_of(actor_of(request), rule_id))


@application_rules.post("/{rule_id}/dry-run", response=answers(RuleDryRunOut, errors=(404,)))
def try_rule(request: HttpRequest, rule_id: UUID) -> RuleDryRunOut:
    """Try a rule on the last 100 applications of its form; it can be switched on afterwards."""
    actor = actor_of(request)
    rule, rows = auto_rules.dry_run(actor, rule_id)
    items = [
        TriedOut(
            application=str(row.application.pk), name=row.application.name, score=row.application.score,
            country=row.application.country, by_hand=row.by_hand, differs=row.differs,
        )
        for row in rows if row.fits
    ]  # fmt: skip
    result = rule.dry_run
    return RuleDryRunOut(rows=result["rows"], fits=result["fits"], differs=result["differs"], items=items)


@application_rules.post("/{rule_id}/mode", response=answers(RuleOut, errors=(404, 409)))
def switch_rule(request: HttpRequest, rule_id: UUID, body: ModeIn) -> RuleOut:
    """Switch a rule on or off."""
    return _rule(auto_rules.switch_rule(actor_of(request), rule_id, body.mode))


@application_rules.delete("/{rule_id}", response=answers(None, status=204, errors=(404,)))
def archive_rule(request: HttpRequest, rule_id: UUID) -> Status[None]:
    """Take a rule out of use."""
    auto_rules.archive_rule(actor_of(request), rule_id)
    return Status(204, None)
