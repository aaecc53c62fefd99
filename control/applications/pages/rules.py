"""Pages of automatic rules: conditions, dry run, switch."""

from typing import Any, get_args
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.applications import auto_rules
from control.applications.models import ApplicationForm, AutoRule
from control.applications.pages.decision_forms import reason_choices
from control.applications.pages.field_form import split_values
from control.applications.pages.forms import form_address, form_crumbs
from control.applications.selectors import form_of, rule_of, sees_applications
from control.applications.states import RuleMode
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.custom_forms.conditions import OPERATOR_TEXTS, Condition, Operator
from control.errors import Forbidden, Refused
from control.ui.states import state_text, state_tone
from control.ui.table import Cell, Column, Row, Table

ROWS = 5
"""Conditions that the page has room for; the API takes more."""
_FACT_TEXTS = {
    "score": "Score", "country": "Country", "duplicates": "Number of duplicates", "mail_verified": "Address verified",
    "referred": "Referred by a partner",
}  # fmt: skip


class RuleForm(forms.Form):
    """A rule: all conditions have to hold."""

    name = forms.CharField(label="Name", max_length=120, help_text="The audit trail names it.")
    action = forms.ChoiceField(label="Action", choices=[("approve", "Approve"), ("reject", "Reject")])
    reason = forms.ChoiceField(label="Reason of a rejection", required=False)
    position = forms.IntegerField(
        label="Position", min_value=0, max_value=100_000, initial=100,
        help_text="Rules are asked in this order; the first one that fits decides.",
    )  # fmt: skip

    def __init__(self, *arguments: Any, row: ApplicationForm, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["reason"].choices = [("", "None"), *reason_choices()]  # type: ignore[attr-defined]
        names = [("", "–"), *_FACT_TEXTS.items()]
        names += [
            (field.key, field.label_in("en")) for field in row.fields.definition.fields if field.key not in _FACT_TEXTS
        ]
        operators = [(op, OPERATOR_TEXTS[op]) for op in get_args(Operator)]
        for number in range(1, ROWS + 1):
            self.fields[f"field_{number}"] = forms.ChoiceField(
                label=f"Condition {number}", choices=names, required=False
            )
            self.fields[f"op_{number}"] = forms.ChoiceField(label="Comparison", choices=operators, required=False)
            self.fields[f"values_{number}"] = forms.CharField(
                label="Values", required=False, max_length=2_000, help_text="With commas, such as DE, AT."
            )

    def values(self) -> dict[str, Any]:
        """Return the rule as the service takes it."""
        own = self.cleaned_data
        conditions = [
            {
                "field": own[f"field_{number}"], "op": own[f"op_{number}"] or "is",
                "values": split_values(own[f"values_{number}"]),
            }
            for number in range(1, ROWS + 1) if own[f"field_{number}"]
        ]  # fmt: skip
        reason = own["reason"] if own["action"] == "reject" else ""
        return {"name": own["name"], "action": own["action"], "reason": reason, "position": own["position"],
                "conditions": conditions}  # fmt: skip


def _initial(rule: AutoRule) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(rule, name) for name in ("name", "action", "reason", "position")}
    for number, own in enumerate(rule.conditions[:ROWS], start=1):
        condition = Condition.model_validate(own)
        found |= {
            f"field_{number}": condition.field, f"op_{number}": condition.op,
            f"values_{number}": ", ".join(map(str, condition.values)),
        }  # fmt: skip
    return found


def _address(rule: AutoRule) -> str:
    return reverse("console_application_rule", args=[rule.pk])


@page(Area.PARTNERS, Action.APPROVE)
def new(request: HttpRequest, actor: Actor, form_id: UUID) -> HttpResponse:
    """Add a rule."""
    row = form_of(actor, form_id)
    form = RuleForm(posted(request), row=row)

    def save() -> tuple[str, str]:
        rule = auto_rules.create_rule(actor, form_id, form.values())
        return "The rule is stored, and off. Make a dry run first.", _address(rule)

    return form_page(request, form, save, title="New rule", submit="Store rule", crumbs=form_crumbs(row), live=False)


@page(Area.PARTNERS, Action.APPROVE)
def edit(request: HttpRequest, actor: Actor, rule_id: UUID) -> HttpResponse:
    """Change a rule."""
    rule = rule_of(actor, rule_id)
    form = RuleForm(posted(request), row=rule.form, initial=_initial(rule))

    def save() -> tuple[str, str]:
        auto_rules.change_rule(actor, rule_id, form.values())
        return "The rule is stored. It is off if its effect has changed.", _address(rule)

    crumbs = [*form_crumbs(rule.form), (rule.name, _address(rule))]
    return form_page(request, form, save, title="Edit rule", submit="Store rule", crumbs=crumbs, live=False)


@page(Area.PARTNERS, Action.APPROVE)
def show(request: HttpRequest, actor: Actor, rule_id: UUID) -> HttpResponse:
    """Show a rule with its dry run; with POST, make one, switch the rule, or take it out of use."""
    if not sees_applications(actor):
        raise Forbidden("your role does not see personal data, and applications consist of it")
    rule = rule_of(actor, rule_id)
    if request.method == "POST":
        return _posted(request, actor, rule)
    is_tried = rule.dry_run.get("digest") == auto_rules.digest_of(rule)
    context = {
        "title": rule.name, "rule": rule, "crumbs": form_crumbs(rule.form), "sentence": auto_rules.sentence(rule),
        "is_on": rule.mode == RuleMode.ON, "is_tried": is_tried, "result": rule.dry_run,
        "table": _table(rule) if is_tried else None,
    }  # fmt: skip
    return render(request, "applications/console/rule.html", context)


def _posted(request: HttpRequest, actor: Actor, rule: AutoRule) -> HttpResponse:
    act = request.POST.get("act", "")
    try:
        if act == "dry-run":
            auto_rules.dry_run(actor, rule.pk)
        elif act in RuleMode.values:
            auto_rules.switch_rule(actor, rule.pk, act)
            messages.success(request, f"The rule is {act}.")
        elif act == "archive":
            auto_rules.archive_rule(actor, rule.pk)
            messages.success(request, "The rule is out of use.")
            return HttpResponseRedirect(form_address(rule.form))
        else:
            raise Http404("there is no such action")
    except Refused as error:
        messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    return HttpResponseRedirect(_address(rule))


def _table(rule: AutoRule) -> Table:
    """Return the applications that the rule would have decided; those that people decided otherwise come first."""
    rows = sorted((row for row in auto_rules.tried(rule) if row.fits), key=lambda row: not row.differs)
    would = "Approved" if rule.action == "approve" else "Rejected"
    return Table(
        "Dry run",
        [Column("Applicant"), Column("Score", numeric=True), Column("Country"), Column("The rule"), Column("By hand")],
        [
            Row([
                Cell(row.application.name, href=reverse("console_application", args=[row.application.pk])),
                str(row.application.score if row.application.score is not None else ""), row.application.country,
                Cell(would, badge="good" if rule.action == "approve" else "bad"),
                Cell(f"{state_text(row.by_hand)}{', otherwise' if row.differs else ''}", badge=state_tone(row.by_hand))
                if row.by_hand else "Not decided by hand",
            ])
            for row in rows
        ],
    )  # fmt: skip
