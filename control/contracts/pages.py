"""Pages of contracts: list, sending, and one contract with its evidence and what may be done with it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import mark_safe

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.selectors import history_of
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.console.history import timeline
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, Filter, ListColumn, ListSpec
from control.contracts import services
from control.contracts.models import REASON_CHARS_MAX, Contract, TemplateVersion
from control.contracts.pdf_answer import pdf_answer
from control.contracts.selectors import contract_of, visible_contracts
from control.contracts.states import IN_FORCE, OPEN, ContractState
from control.contracts.texts import html_of
from control.ui.addresses import page_address
from control.ui.moments import day_text, second_text
from control.ui.states import state_text, state_tone
from control.ui.table import Cell

_HISTORY_ROWS = 30


def _columns(_actor: Actor) -> Sequence[ListColumn[Contract]]:
    return [
        ListColumn[Contract](
            "number", "Contract", lambda row: Cell(str(row), href=page_address("console_contract", str(row.pk))),
            ("number",), descending_first=True,
        ),
        ListColumn[Contract]("partner", "Partner", lambda row: row.partner.name, ("partner__name",)),
        ListColumn[Contract](
            "template", "Template", lambda row: f"{row.version.template.name}, version {row.version.number}"
        ),
        ListColumn[Contract]("state", "State", lambda row: Cell(state_text(row.state), badge=state_tone(row.state))),
        ListColumn[Contract]("starts", "Starts", lambda row: day_text(row.starts) if row.starts else "", ("starts",)),
        ListColumn[Contract]("ends", "Ends", lambda row: day_text(row.ends) if row.ends else "", ("ends",)),
        ListColumn[Contract]("sent", "Sent", lambda row: day_text(row.sent), ("sent",), descending_first=True),
    ]  # fmt: skip


CONTRACTS: ListSpec[Contract] = ListSpec(
    key="contracts", title="Contracts", noun="contract", nouns="contracts", url_name="console_contracts",
    rows=visible_contracts, columns=_columns, order="-number",
    text="Contracts that partners were asked to accept, and those that they have accepted.",
    empty=Empty(
        "No contracts yet", "Send a partner a contract made from a template.", "list-check", "Send contract",
        "console_contract_new",
    ),
    search=lambda _actor, rows, text: rows.filter(partner__name__icontains=text), search_label="Search by partner",
    filters=(
        Filter("state", "State", lambda rows, value: rows.filter(state=value), lambda _: ContractState.choices),
        Filter(
            "template", "Template", lambda rows, value: rows.filter(version__template__code=value),
            lambda _: _published(),
        ),
    ),
)  # fmt: skip


def _published() -> list[tuple[str, str]]:
    rows = TemplateVersion.objects.exclude(published=None).order_by("template__code")
    return list(dict(rows.values_list("template__code", "template__name")).items())


class SendForm(forms.Form):
    """A contract to send."""

    partner = forms.IntegerField(min_value=1, max_value=2**32 - 1, help_text="Number of the partner.")
    template = forms.ChoiceField(help_text="The newest published version is sent.")
    values = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 4}), max_length=10_000,
        help_text="One variable in a line, such as company: Acme. What is left out has its default.",
    )  # fmt: skip

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["template"].choices = _published()  # type: ignore[attr-defined]

    def clean_values(self) -> dict[str, str]:
        found = {}
        for line in filter(str.strip, self.cleaned_data["values"].splitlines()):
            name, colon, value = line.partition(":")
            if not colon:
                raise forms.ValidationError("Write each variable as a name, a colon and its value.")
            found[name.strip()] = value.strip()
        return found


class ReasonForm(forms.Form):
    """Reason of a transition."""

    reason = forms.CharField(max_length=REASON_CHARS_MAX, widget=forms.Textarea(attrs={"rows": 3}))


class TerminateForm(ReasonForm):
    """Early end of a contract."""

    cause = forms.BooleanField(
        required=False, label="At once, for a cause",
        help_text="Without it, the contract ends on the first day that gives notice.",
    )  # fmt: skip


def _crumbs(found: Contract | None = None) -> list[tuple[str, str]]:
    crumbs = [("Contracts", reverse("console_contracts"))]
    return crumbs if found is None else [*crumbs, (str(found), reverse("console_contract", args=[found.pk]))]


@page(Area.CONTRACTS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List contracts."""
    return list_page(request, actor, CONTRACTS, can_add=actor.may(Area.CONTRACTS, Action.WRITE))


@page(Area.CONTRACTS, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Send a contract."""
    form = SendForm(posted(request))

    def save() -> tuple[str, str]:
        given = form.cleaned_data
        made = services.send_contract(actor, given["partner"], given["template"], given["values"])
        return f"{made} is sent to {made.partner}.", reverse("console_contract", args=[made.pk])

    return form_page(request, form, save, title="Send contract", submit="Send contract", crumbs=_crumbs())


def _facts(row: Contract) -> list[tuple[str, str]]:
    facts = [
        ("Partner", f"{row.partner} ({row.partner_id})"),
        ("Template", f"{row.version.template.name}, version {row.version.number}"),
        ("Sent", f"{second_text(row.sent)} by {row.sent_by}"),
        ("Opened", second_text(row.opened) if row.opened else "not yet"),
        ("Starts", second_text(row.starts) if row.starts else "when it is signed"),
        ("Ends", second_text(row.ends) if row.ends else "no fixed end"),
        ("Time zone", row.tz), ("Notice", f"{row.version.notice_days} days"), ("SHA-256 of the text", row.sha256),
    ]  # fmt: skip
    if (evidence := getattr(row, "acceptance", None)) is not None:
        facts += [
            ("Accepted", f"{second_text(evidence.at)} by {evidence.typed_name} ({evidence.person_email})"),
            ("Authority", evidence.authority), ("Address", evidence.ip), ("Browser", evidence.user_agent),
        ]  # fmt: skip
    if row.countersigned is not None:
        facts.append(("Countersigned", f"{second_text(row.countersigned)} by {row.countersigned_by}"))
    if row.reason:
        facts.append(("Reason", row.reason))
    return facts


def _acts(actor: Actor, row: Contract) -> list[tuple[str, str]]:
    """Return what an operator may do with a contract now."""
    found = []
    if row.state in OPEN and actor.may(Area.CONTRACTS, Action.WRITE):
        found.append(("withdraw", "Withdraw"))
    if row.state == ContractState.ACCEPTED and row.version.countersign and actor.may(Area.CONTRACTS, Action.APPROVE):
        found.append(("countersign", "Countersign"))
    if row.state in IN_FORCE and actor.may(Area.CONTRACTS, Action.APPROVE):
        found.append(("terminate", "Terminate"))
    return found


@page(Area.CONTRACTS)
def contract(request: HttpRequest, actor: Actor, contract_id: UUID) -> HttpResponse:
    """Show a contract: text, evidence, history, and what may be done."""
    row = contract_of(actor, contract_id)
    acts = [
        {"label": label, "href": reverse("console_contract_act", args=[row.pk, name])}
        for name, label in _acts(actor, row)
    ]
    context = {
        "title": f"{row}: {row.version.template.name}", "crumbs": _crumbs(), "contract": row, "facts": _facts(row),
        "text": mark_safe(html_of(row.text)),
        "acts": acts, "pdf": reverse("console_contract_pdf", args=[row.pk]) if row.pdf_id else "",
        "items": timeline(history_of("contracts.contract", str(row.pk))[:_HISTORY_ROWS], actor),
    }  # fmt: skip
    return render(request, "contracts/contract.html", context)


@page(Area.CONTRACTS)
def pdf(_request: HttpRequest, actor: Actor, contract_id: UUID) -> HttpResponse:
    """Answer the PDF of an accepted contract."""
    return pdf_answer(contract_of(actor, contract_id))


Given = Mapping[str, Any]
_ACTS: dict[str, tuple[str, type[forms.Form], Callable[[Actor, UUID, Given], Contract]]] = {
    "withdraw": ("Withdraw", ReasonForm, lambda actor, key, given: services.withdraw(actor, key, given["reason"])),
    "countersign": ("Countersign", forms.Form, lambda actor, key, _given: services.countersign(actor, key)),
    "terminate": (
        "Terminate", TerminateForm,
        lambda actor, key, given: services.terminate(actor, key, cause=given["cause"], reason=given["reason"]),
    ),
}  # fmt: skip


@page(Area.CONTRACTS, Action.WRITE)
def act(request: HttpRequest, actor: Actor, contract_id: UUID, act: str) -> HttpResponse:
    """Withdraw, countersign or terminate a contract."""
    row = contract_of(actor, contract_id)
    if act not in _ACTS:
        raise Http404
    actor.require(Area.CONTRACTS, Action.WRITE if act == "withdraw" else Action.APPROVE)
    label, kind, change = _ACTS[act]
    form = kind(posted(request))

    def save() -> tuple[str, str]:
        made = change(actor, row.pk, form.cleaned_data)
        return f"{made} is {made.state}.", reverse("console_contract", args=[row.pk])

    return form_page(
        request, form, save, title=f"{label} {row}", submit=label, crumbs=_crumbs(row), live=False,
        danger=act != "countersign",
    )  # fmt: skip
