"""Pages of contracts for partners: list, and one contract to read, accept or decline."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, get_language_info, gettext_lazy
from django.utils.translation import gettext as _

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.console.forms.base import add_refusal
from control.contracts import services
from control.contracts.models import REASON_CHARS_MAX, Contract
from control.contracts.pdf_answer import pdf_answer
from control.contracts.selectors import contract_of, visible_contracts
from control.contracts.states import OPEN, ContractState
from control.contracts.texts import html_of
from control.errors import NotFound, Refused
from control.partners.models import Partner
from control.portal.access import portal_page
from control.portal.paging import page_of
from control.portal.steps import Step
from control.ui.moments import day_text, minute_text
from control.ui.states import state_tone

_STATES = {
    ContractState.SENT: gettext_lazy("To sign"), ContractState.VIEWED: gettext_lazy("To sign"),
    ContractState.ACCEPTED: gettext_lazy("Accepted"), ContractState.DECLINED: gettext_lazy("Declined"),
    ContractState.WITHDRAWN: gettext_lazy("Withdrawn"), ContractState.COUNTERSIGNED: gettext_lazy("Signed by both"),
    ContractState.ACTIVE: gettext_lazy("In force"), ContractState.EXPIRING: gettext_lazy("Ends soon"),
    ContractState.EXPIRED: gettext_lazy("Ended"), ContractState.TERMINATED: gettext_lazy("Terminated"),
}  # fmt: skip


class AcceptForm(forms.Form):
    """Declaration of the person that signs."""

    typed_name = forms.CharField(
        label=gettext_lazy("Your full name"), max_length=200, help_text=gettext_lazy("It is your signature.")
    )
    authority = forms.BooleanField(label=gettext_lazy("I may sign this contract for the company."))
    sha256 = forms.CharField(widget=forms.HiddenInput, max_length=64)


class DeclineForm(forms.Form):
    """Reason for which a contract is declined."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=REASON_CHARS_MAX, widget=forms.Textarea({"rows": 2})
    )


@portal_page(Area.CONTRACTS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the contracts of the partner, those to sign first."""
    waiting = visible_contracts(actor).filter(state__in=OPEN).order_by("-number")
    rows, page = page_of(request, visible_contracts(actor).exclude(state__in=OPEN).order_by("-number"))
    context = {"waiting": [_item(row) for row in waiting[:50]], "others": [_item(row) for row in rows], "page": page}
    return render(request, "contracts/portal_contracts.html", context)


def _item(row: Contract) -> dict[str, Any]:
    return {
        "href": reverse("portal_contract", args=[row.pk]), "title": row.version.template.name, "text": str(row),
        "end": str(_STATES[ContractState(row.state)]), "icon": "list-check",
    }  # fmt: skip


@portal_page(Area.CONTRACTS)
def show(request: HttpRequest, actor: Actor, contract_id: UUID) -> HttpResponse:
    """Show the whole text; with POST, accept or decline it."""
    accepts = request.POST.get("do") == "accept"
    if request.method == "POST":
        row = contract_of(actor, contract_id)
        accept_form = AcceptForm(request.POST if accepts else None, initial={"sha256": row.sha256})
        decline_form = DeclineForm(None if accepts else request.POST)
        form = accept_form if accepts else decline_form
        if form.is_valid():
            try:
                message = _answer(request, actor, row, form, accepts=accepts)
            except NotFound:
                raise
            except Refused as error:
                add_refusal(form, error)
            else:
                messages.success(request, message)
                return HttpResponseRedirect(reverse("portal_contract", args=[row.pk]))
    else:
        row = services.open_contract(actor, contract_id)
        accept_form, decline_form = AcceptForm(initial={"sha256": row.sha256}), DeclineForm()
    is_open = row.state in OPEN
    context = {
        "title": row.version.template.name, "contract": row, "state": _STATES[ContractState(row.state)],
        "tone": state_tone(row.state), "facts": _facts(row), "text": mark_safe(html_of(row.text)),
        "is_rtl": _is_rtl(row.locale), "is_open": is_open, "accept_form": accept_form, "decline_form": decline_form,
        "obstacle": services.obstacle_to_sign(actor) if is_open else "",
        "pdf": reverse("portal_contract_pdf", args=[row.pk]) if row.pdf_id else "",
    }  # fmt: skip
    return render(request, "contracts/portal_contract.html", context)


def _answer(request: HttpRequest, actor: Actor, row: Contract, form: forms.Form, *, accepts: bool) -> str:
    given = form.cleaned_data
    if not accepts:
        services.decline(actor, row.pk, given["reason"])
        return _("You have declined the contract.")
    signature = services.Signature(
        given["typed_name"], given["authority"], given["sha256"], request.headers.get("User-Agent", ""),
        request.session.session_key or "", get_language() or "en",
    )  # fmt: skip
    services.accept(actor, row.pk, signature)
    return _("You have accepted the contract. Its PDF is kept here for you.")


def _is_rtl(locale: str) -> bool:
    try:
        return bool(get_language_info(locale)["bidi"])
    except KeyError:
        return False


def _facts(row: Contract) -> list[tuple[str, str]]:
    facts = [(_("Contract"), str(row)), (_("Sent"), day_text(row.sent))]
    if row.starts is not None:
        facts.append((_("Starts"), minute_text(row.starts)))
    if row.ends is not None:
        facts.append((_("Ends"), minute_text(row.ends)))
    if (evidence := getattr(row, "acceptance", None)) is not None:
        facts.append((_("Accepted by"), evidence.typed_name))
        facts.append((_("Accepted"), minute_text(evidence.at)))
    if row.reason:
        facts.append((_("Reason"), row.reason))
    return facts


@portal_page(Area.CONTRACTS)
def pdf(_request: HttpRequest, actor: Actor, contract_id: UUID) -> HttpResponse:
    """Answer the PDF of an accepted contract."""
    return pdf_answer(contract_of(actor, contract_id))


def contract_steps(actor: Actor, _partner: Partner) -> Iterable[Step]:
    """Yield the contracts that wait for the person's signature."""
    if services.obstacle_to_sign(actor):
        return
    for row in visible_contracts(actor).filter(state__in=OPEN).order_by("number")[:2]:
        yield Step(
            _("Read and accept: %(contract)s") % {"contract": row.version.template.name},
            _("The program asks you to accept its terms."), reverse("portal_contract", args=[row.pk]), "list-check", 5,
        )  # fmt: skip
