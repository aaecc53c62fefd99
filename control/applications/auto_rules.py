"""Rules that decide applications by themselves. A rule is switched on only after a dry run of what it says now."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.utils import timezone
from pydantic import ValidationError

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.applications import deciding
from control.applications.models import Application, ApplicationForm, AutoRule
from control.applications.selectors import form_of, rule_of
from control.applications.states import WAITING, ApplicationStatus, RuleMode
from control.changes import changing, locked
from control.custom_forms.conditions import Condition, all_hold
from control.errors import Conflict, FieldError, Invalid, Mistakes, plain_message, validate
from control.partners.access import require_operator
from control.reasons.models import OTHER, ReasonArea
from control.reasons.services import choose

DRY_RUN_ROWS = 100
RULES_MAX = 50
CONDITIONS_MAX = 20
FACTS = ("score", "country", "duplicates", "mail_verified", "referred")
"""Names besides the answers that conditions may use."""
_FIELDS = frozenset({"name", "conditions", "action", "reason", "position"})
_DECIDED = {"approve": ApplicationStatus.APPROVED, "reject": ApplicationStatus.REJECTED}


@dataclass(frozen=True, slots=True)
class Tried:
    """An old application in a dry run."""

    application: Application
    fits: bool
    """True if the rule would have decided it."""
    by_hand: str
    """State that a person has given it; empty without a decision by hand."""
    differs: bool
    """True if a person has decided otherwise."""


def read_conditions(content: Any, form: ApplicationForm) -> list[Condition]:
    """Read the conditions of a rule. Raises Invalid with all mistakes."""
    if not isinstance(content, list) or not content or len(content) > CONDITIONS_MAX:
        raise Invalid(FieldError("conditions", f"must be a list of 1 to {CONDITIONS_MAX} conditions"))
    newest, mistakes, found = form.fields.newest(), Mistakes(), []
    definition = newest.definition if newest is not None else form.fields.definition
    known = [*FACTS, *(field.key for field in definition.fields)]
    for position, own in enumerate(content):
        try:
            condition = Condition.model_validate(own)
        except ValidationError as error:
            for wrong in error.errors():
                place = ".".join(map(str, wrong["loc"]))
                mistakes.add(f"conditions.{position}.{place}", plain_message(wrong["msg"]))
            continue
        if condition.field not in known:
            text = f"is not known: {condition.field}; it is one of {', '.join(known)}"
            mistakes.add(f"conditions.{position}.field", text)
        if problem := condition.problem():
            mistakes.add(f"conditions.{position}", problem)
        found.append(condition)
    mistakes.check()
    return found


def rule_values(application: Application) -> Mapping[str, Any]:
    """Return what conditions may ask about an application."""
    return {
        **application.answers, "score": application.score, "country": application.country,
        "duplicates": len(application.duplicates), "mail_verified": application.verified is not None,
        "referred": application.referred_by_id is not None,
    }  # fmt: skip


def create_rule(actor: Actor, form_id: UUID, values: Mapping[str, Any]) -> AutoRule:
    """Store a rule, which is off. Raises Forbidden, NotFound, Invalid, Conflict."""
    require_operator(actor, Area.PARTNERS, Action.APPROVE)
    form = form_of(actor, form_id)
    with changing(actor):
        if AutoRule.objects.filter(form=form, is_archived=False).count() >= RULES_MAX:
            raise Conflict(f"the form has {RULES_MAX} rules already")
        rule = AutoRule(form=form)
        _set(rule, values)
        rule.save(force_insert=True)
    return rule


def change_rule(actor: Actor, rule_id: UUID, values: Mapping[str, Any]) -> AutoRule:
    """Change a rule; it is off afterwards if its effect has changed. Raises Forbidden, NotFound, Invalid."""
    require_operator(actor, Area.PARTNERS, Action.APPROVE)
    with changing(actor):
        rule = _locked(actor, rule_id)
        before = digest_of(rule)
        _set(rule, values)
        if digest_of(rule) != before:
            rule.mode = RuleMode.OFF
        rule.save()
    return rule


def dry_run(actor: Actor, rule_id: UUID) -> tuple[AutoRule, list[Tried]]:
    """Try a rule on the last applications of its form, and keep the result. Raises Forbidden, NotFound."""
    require_operator(actor, Area.PARTNERS, Action.APPROVE)
    with changing(actor):
        rule = _locked(actor, rule_id)
        rows = tried(rule)
        rule.dry_run = {
            "digest": digest_of(rule), "at": timezone.now().isoformat(timespec="seconds"), "rows": len(rows),
            "fits": sum(row.fits for row in rows), "differs": sum(row.differs for row in rows),
        }  # fmt: skip
        rule.save(update_fields=["dry_run"])
    return rule, rows


def tried(rule: AutoRule) -> list[Tried]:
    """Return what a rule would have done with the last applications of its form."""
    conditions = [Condition.model_validate(own) for own in rule.conditions]
    rows = Application.objects.filter(form=rule.form_id).exclude(status=ApplicationStatus.UNVERIFIED)
    found = []
    for application in rows.order_by("-submitted", "-pk")[:DRY_RUN_ROWS]:
        fits = all_hold(conditions, rule_values(application))
        decided = application.status in _DECIDED.values() and not application.rule
        by_hand = application.status if decided else ""
        found.append(Tried(application, fits, by_hand, fits and decided and by_hand != _DECIDED[rule.action]))
    return found


def switch_rule(actor: Actor, rule_id: UUID, mode: str) -> AutoRule:
    """Switch a rule on or off. Raises Forbidden, NotFound, Invalid, and Conflict without a dry run."""
    require_operator(actor, Area.PARTNERS, Action.APPROVE)
    if mode not in RuleMode.values:
        raise Invalid(FieldError("mode", f"must be one of {', '.join(RuleMode.values)}"))
    with changing(actor):
        rule = _locked(actor, rule_id)
        if mode == RuleMode.ON and rule.dry_run.get("digest") != digest_of(rule):
            raise Conflict("the rule has had no dry run since its last change; make one, and look at the result first")
        rule.mode = mode
        rule.save(update_fields=["mode"])
    return rule


def archive_rule(actor: Actor, rule_id: UUID) -> None:
    """Take a rule out of use. What it has decided keeps its name. Raises Forbidden, NotFound."""
    require_operator(actor, Area.PARTNERS, Action.APPROVE)
    with changing(actor):
        rule = _locked(actor, rule_id)
        rule.mode, rule.is_archived = RuleMode.OFF, True
        rule.save(update_fields=["mode", "is_archived"])


def decide(application: Application) -> AutoRule | None:
    """Let the first rule that fits decide an application; return it."""
    if application.status not in WAITING:
        return None
    values = rule_values(application)
    rules = AutoRule.objects.filter(form=application.form_id, mode=RuleMode.ON, is_archived=False)
    for rule in rules.order_by("position", "created"):
        if all_hold((Condition.model_validate(own) for own in rule.conditions), values):
            actor = deciding.as_rule(rule)
            if rule.action == "approve":
                deciding.approve(actor, application.pk, rule=rule)
            else:
                deciding.reject(actor, application.pk, rule.reason, rule=rule)
            return rule
    return None


def digest_of(rule: AutoRule) -> str:
    """Return a digest of the effect of a rule."""
    return hashlib.sha256(orjson.dumps([rule.conditions, rule.action, rule.reason])).hexdigest()[:32]


def sentence(rule: AutoRule) -> str:
    """Write a rule for people."""
    parts: Sequence[str] = [Condition.model_validate(own).text() for own in rule.conditions]
    return f"{rule.get_action_display()} if {' and '.join(parts)}"


def _locked(actor: Actor, rule_id: UUID) -> AutoRule:
    rule_of(actor, rule_id)
    return locked(AutoRule, "rule", pk=rule_id)


def _set(rule: AutoRule, values: Mapping[str, Any]) -> None:
    """Set and check fields. Raises Invalid with all mistakes."""
    mistakes = Mistakes()
    for name in sorted(values.keys() - _FIELDS):
        mistakes.add(name, "cannot be changed; leave it out")
    for name in values.keys() & _FIELDS:
        setattr(rule, name, values[name])
    with mistakes.gathered():
        conditions = read_conditions(rule.conditions, rule.form)
        rule.conditions = [condition.model_dump(mode="json") for condition in conditions]
    if rule.action == "reject":
        with mistakes.gathered():
            choose(ReasonArea.APPLICATION, rule.reason)
        if rule.reason == OTHER:
            mistakes.add("reason", "must say something by itself in a rule; choose one with a text")
    elif rule.reason:
        mistakes.add("reason", "belongs to rules that reject")
    with mistakes.gathered():
        validate(rule)
    mistakes.check()
