"""Pages of leads for partners: inbox, and one lead with its buttons."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.forms.base import add_refusal
from control.errors import NotFound, Refused
from control.leads.console_pages import value_text
from control.leads.models import Lead
from control.leads.portal_forms import OrderForm, ReasonForm
from control.leads.selectors import lead_of, shows_details, visible_leads
from control.leads.services import accept, decline, lose, win, work
from control.leads.states import HELD, LeadState
from control.portal.access import portal_page
from control.portal.paging import page_of
from control.ui.moments import minute_text
from control.ui.states import state_tone


@portal_page(Area.PARTNERS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the leads that are offered to the partner, and those it has."""
    offered = visible_leads(actor).filter(state=LeadState.OFFERED).order_by("deadline", "pk")
    rows, page = page_of(
        request, visible_leads(actor).exclude(state=LeadState.OFFERED).order_by("-last_activity", "pk")
    )
    context = {
        "offered": [_item(actor, lead) for lead in offered[:100]], "own": [_item(actor, lead) for lead in rows],
        "page": page,
    }  # fmt: skip
    return render(request, "leads/portal_leads.html", context)


def _item(actor: Actor, lead: Lead) -> dict[str, Any]:
    due = _("Answer by %(time)s") % {"time": minute_text(lead.deadline)} if lead.deadline else ""
    place = ", ".join(part for part in (lead.country, lead.postal, lead.product) if part)
    text = " · ".join(part for part in (place, due) if part)
    return {
        "href": reverse("portal_lead", args=[lead.pk]), "title": _title(actor, lead), "text": text,
        "end": str(lead.get_state_display()), "icon": "send",
    }  # fmt: skip


def _title(actor: Actor, lead: Lead) -> str:
    if shows_details(actor, lead):
        return lead.company
    place = ", ".join(part for part in (lead.product, lead.country) if part)
    return _("Lead: %(place)s") % {"place": place} if place else _("Lead")


@portal_page(Area.PARTNERS)
def show(request: HttpRequest, actor: Actor, lead_id: UUID) -> HttpResponse:
    """Show a lead; with POST, accept or decline it, or say what came of it."""
    lead = lead_of(actor, lead_id)
    data = request.POST if request.method == "POST" else None
    form, order = ReasonForm(data), OrderForm(data)
    if request.method == "POST":
        actor.require(Area.PARTNERS, Action.WRITE)
        if form.is_valid() and order.is_valid():
            text, number = form.cleaned_data["reason"], order.cleaned_data["order_number"]
            try:
                message, address = _do(actor, lead, request.POST.get("do", ""), text, number)
            except NotFound:
                raise
            except Refused as error:
                add_refusal(order if "order_number" in str(error) else form, error)
            else:
                messages.success(request, message)
                return HttpResponseRedirect(address)
    context = {
        "lead": lead, "title": _title(actor, lead), "tone": state_tone(lead.state), "facts": _facts(actor, lead),
        "form": form, "order": order, "is_offered": lead.state == LeadState.OFFERED, "is_held": lead.state in HELD,
        "is_working": lead.state == LeadState.WORKING, "details": shows_details(actor, lead),
        "may_write": actor.may(Area.PARTNERS, Action.WRITE),
    }  # fmt: skip
    return render(request, "leads/portal_lead.html", context)


def _do(actor: Actor, lead: Lead, what: str, text: str, number: str) -> tuple[str, str]:
    now, own = timezone.now(), reverse("portal_lead", args=[lead.pk])
    if what == "accept":
        accept(actor, lead.pk, now)
        return _("The lead is yours."), own
    if what == "decline":
        decline(actor, lead.pk, text, now)
        return _("You have declined the lead."), reverse("portal_leads")
    if what == "working":
        work(actor, lead.pk, now, text)
    elif what == "won":
        win(actor, lead.pk, now, number)
    elif what == "lost":
        lose(actor, lead.pk, text, now)
    return _("The lead is changed."), own


def _facts(actor: Actor, lead: Lead) -> list[tuple[str, str]]:
    facts = [
        (_("Country"), lead.country), (_("Postal code"), lead.postal), (_("Product"), lead.product),
        (_("Answer by"), minute_text(lead.deadline) if lead.deadline else ""),
    ]  # fmt: skip
    if shows_details(actor, lead):
        facts += [
            (_("Company"), lead.company), (_("Contact"), lead.contact), (_("E-mail"), lead.email),
            (_("Phone"), lead.phone), (_("Expected value"), value_text(lead)), (_("Note"), lead.note),
            (_("Order number"), lead.order_number),
        ]  # fmt: skip
    return [(name, value) for name, value in facts if value]
