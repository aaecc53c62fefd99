"""Changes of templates: a version is a draft until it is published, then it never changes."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import apply_values, changing, locked
from control.contracts.models import TEXT_CHARS_MAX, ContractTemplate, TemplateVersion
from control.contracts.texts import check_texts, hash_of_version
from control.errors import Conflict, FieldError, Invalid, Mistakes, validate
from control.partners.access import require_operator
from control.program.models import Offer

VERSION_FIELDS = frozenset(
    {"texts", "variables", "plan_terms", "term_months", "notice_days", "tail_days", "countersign", "change_note"}
)


def create_template(actor: Actor, values: Mapping[str, Any], version: Mapping[str, Any]) -> ContractTemplate:
    """Store a template with the draft of its first version. Raises Forbidden, Invalid."""
    require_operator(actor, Area.CONTRACTS, Action.WRITE)
    with changing(actor):
        template, mistakes = ContractTemplate(), Mistakes()
        with mistakes.gathered():
            apply_values(template, values, frozenset({"code", "name", "kind"}))
        draft = TemplateVersion(number=1)
        with mistakes.gathered():
            _set_version(draft, version)
        mistakes.check()
        template.save(force_insert=True)
        draft.template = template
        validate(draft)
        draft.save(force_insert=True)
    return template


def save_draft(actor: Actor, template_id: UUID, version: Mapping[str, Any]) -> TemplateVersion:
    """Change the draft of a template, or make one after the newest version. Raises Forbidden, NotFound, Invalid."""
    require_operator(actor, Area.CONTRACTS, Action.WRITE)
    with changing(actor):
        template = locked(ContractTemplate, "contract template", pk=template_id)
        newest = template.versions.order_by("-number").first()
        draft = newest if newest is not None and newest.published is None else None
        if draft is None:
            draft = TemplateVersion(template=template, number=newest.number + 1 if newest is not None else 1)
        _set_version(draft, version)
        draft.save()
    return draft


def publish_version(actor: Actor, template_id: UUID) -> TemplateVersion:
    """Publish the draft of a template; from then on it never changes. Raises Forbidden, NotFound, Conflict."""
    require_operator(actor, Area.CONTRACTS, Action.APPROVE)
    with changing(actor):
        template = locked(ContractTemplate, "contract template", pk=template_id)
        draft = template.versions.filter(published=None).first()
        if draft is None:
            raise Conflict(f"template {template.code} has no draft; change it first")
        draft.sha256, draft.published = hash_of_version(draft), timezone.now()
        draft.save(update_fields=["sha256", "published"])
    return draft


def newest_version(code: str) -> TemplateVersion:
    """Return the newest published version of a template. Raises Invalid."""
    rows = TemplateVersion.objects.filter(template__code=code).exclude(published=None).select_related("template")
    found = rows.order_by("-number").first()
    if found is None:
        raise Invalid(FieldError("template", f"there is no published template {code}; publish one first"))
    return found


def _set_version(draft: TemplateVersion, values: Mapping[str, Any]) -> None:
    mistakes = Mistakes()
    if unknown := sorted(values.keys() - VERSION_FIELDS):
        mistakes.add(unknown[0], "cannot be changed; leave it out")
    for name in VERSION_FIELDS & values.keys():
        setattr(draft, name, values[name])
    names = [str(variable["name"]) for variable in draft.variables]
    if len(set(names)) < len(names):
        mistakes.add("variables", "has two with the same name")
    for error in check_texts(draft.texts or {}, draft.variables, TEXT_CHARS_MAX):
        mistakes.add(error.field, error.message)
    offers = {plan["offer"] for plan in draft.plan_terms}
    known = set(Offer.objects.filter(number__in=offers).values_list("number", flat=True))
    for at, plan in enumerate(draft.plan_terms):
        if plan["offer"] not in known:
            mistakes.add(f"plan_terms[{at}].offer", f"there is no offer {plan['offer']}")
        if not plan.get("percent") and not plan.get("fixed"):
            mistakes.add(f"plan_terms[{at}].percent", "is missing: give percent, fixed or both")
    mistakes.check()
    if draft.template_id is not None:
        validate(draft)
