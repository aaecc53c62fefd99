"""Pages of leads for operators: board and list, one lead, routing with a preview."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.selectors import history_of
from control.console.access import page
from control.console.forms.base import add_refusal
from control.console.forms.page import form_page, posted
from control.console.history import timeline
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, Filter, ListColumn, ListSpec
from control.errors import Refused
from control.leads.candidates import lead_routing, ways_of
from control.leads.forms import LEAD_SECTIONS, LeadForm, MoveForm, RoutingForm, initial_of
from control.leads.models import Lead, LeadOffer
from control.leads.selectors import channel_conflicts, counts_by_state, lead_of, shows_contact, visible_leads
from control.leads.services import change_routing, create_leads, expire, offer_to, route, take_back
from control.leads.states import HELD, Answer, LeadState
from control.partners.access import sees_all
from control.partners.models import Partner
from control.territories.forms import PointForm
from control.territories.matching import POINT_FIELDS
from control.ui.addresses import page_address
from control.ui.moments import day_text, minute_text
from control.ui.states import state_tone
from control.ui.table import Cell, Tone
from schemas.values.money import format_minor

_HISTORY_ROWS = 50
_TONES: dict[str, Tone] = {
    Answer.ACCEPTED: "good", Answer.DECLINED: "warn", Answer.LATE: "warn", Answer.RECLAIMED: "bad",
}  # fmt: skip


def value_text(lead: Lead) -> str:
    """Write the expected value of a lead."""
    if lead.value_minor is None:
        return ""
    return f"{format_minor(lead.value_minor, lead.value_currency)} {lead.value_currency}"


def _partner(lead: Lead) -> str:
    if lead.partner is not None:
        return lead.partner.name
    return f"{lead.offered_to.name} (asked)" if lead.offered_to is not None else ""


def _columns(_actor: Actor) -> Sequence[ListColumn[Lead]]:
    return [
        ListColumn[Lead](
            "company", "Company", lambda row: Cell(row.company, href=page_address("console_lead", str(row.pk))),
            ("company_key",),
        ),
        ListColumn[Lead](
            "state", "State", lambda row: Cell(str(row.get_state_display()), badge=state_tone(row.state)), ("state",)
        ),
        ListColumn[Lead]("partner", "Partner", _partner),
        ListColumn[Lead]("country", "Country", lambda row: row.country, ("country",)),
        ListColumn[Lead]("product", "Product", lambda row: row.product, ("product",)),
        ListColumn[Lead]("value", "Value", value_text, numeric=True),
        ListColumn[Lead](
            "deadline", "Answer due", lambda row: minute_text(row.deadline) if row.deadline else "", ("deadline",)
        ),
        ListColumn[Lead](
            "created", "Since", lambda row: day_text(row.created), ("created",), descending_first=True
        ),
    ]  # fmt: skip


def _states(_actor: Actor) -> list[tuple[str, str]]:
    return [(state.value, str(state.label)) for state in LeadState]


LEADS: ListSpec[Lead] = ListSpec(
    key="leads", title="Leads", noun="lead", nouns="leads", url_name="console_leads", rows=visible_leads,
    columns=_columns, order="-created", text="Possible customers, and the partners who get them.",
    empty=Empty(
        "No leads yet", "A lead is offered to the partners who own its territory, one after the other.", "send",
        "New lead", "console_lead_new",
    ),
    search=lambda _actor, rows, text: rows.filter(company__icontains=text), search_label="Search by company",
    filters=(
        Filter(
            "state", "State", lambda rows, value: rows.filter(state=value), options=_states,
        ),
    ),
)  # fmt: skip


def _gives(actor: Actor) -> bool:
    return actor.may(Area.PARTNERS, Action.WRITE) and sees_all(actor, Area.PARTNERS)


@page(Area.PARTNERS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List leads, with their number in each state and channel conflicts."""
    counts, chosen = counts_by_state(actor), request.GET.get("state", "")
    address = reverse("console_leads")
    board = [
        {
            "label": str(state.label), "href": f"{address}?state={state.value}", "count": counts.get(state.value, 0),
            "current": state.value == chosen,
        }
        for state in LeadState
    ]  # fmt: skip
    conflicts = [
        [(lead.company, page_address("console_lead", str(lead.pk)), _partner(lead)) for lead in leads]
        for leads in channel_conflicts(actor)
    ]
    actions = (
        [
            ("Who would get a lead?", reverse("console_lead_preview"), "search"),
            ("Routing", reverse("console_lead_routing"), "settings"),
        ]
        if _gives(actor)
        else []
    )
    return list_page(
        request, actor, LEADS, can_add=_gives(actor), above="console/lead_board.html", board=board, conflicts=conflicts,
        actions=actions,
    )  # fmt: skip


def _crumbs() -> list[tuple[str, str]]:
    return [("Leads", reverse("console_leads"))]


@page(Area.PARTNERS, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Add a lead."""
    form = LeadForm(posted(request))

    def save() -> tuple[str, str]:
        (lead,) = create_leads(actor, [form.values()])
        text = "It is offered to a partner within a minute." if lead.consent else "Without consent it is not offered."
        return f"{lead} is stored. {text}", reverse("console_lead", args=[lead.pk])

    return form_page(request, form, save, title="New lead", submit="Add lead", crumbs=_crumbs(), sections=LEAD_SECTIONS)


@page(Area.PARTNERS)
def show(request: HttpRequest, actor: Actor, lead_id: UUID) -> HttpResponse:
    """Show a lead with its offers; with POST, offer it, take it back, or let it expire."""
    lead = lead_of(actor, lead_id)
    form = MoveForm(actor, posted(request))
    if request.method == "POST":
        actor.require(Area.PARTNERS, Action.WRITE)
        if form.is_valid():
            try:
                _move(actor, lead, request.POST.get("do", ""), form.cleaned_data)
            except Refused as error:
                add_refusal(form, error)
            else:
                messages.success(request, "The lead is changed.")
                return HttpResponseRedirect(reverse("console_lead", args=[lead.pk]))
    writes = actor.may(Area.PARTNERS, Action.WRITE)
    offers = lead.offers.select_related("partner").order_by("-rank")
    context = {
        "lead": lead, "crumbs": _crumbs(), "tone": state_tone(lead.state), "facts": _facts(actor, lead), "form": form,
        "offers": [_offer_item(offer) for offer in offers],
        "may_offer": _gives(actor) and lead.state == LeadState.NEW and lead.consent,
        "may_expire": writes and lead.state == LeadState.NEW,
        "may_take_back": writes and lead.state in HELD | {LeadState.OFFERED},
        "items": timeline(history_of("leads.lead", str(lead.pk))[:_HISTORY_ROWS], actor),
    }  # fmt: skip
    return render(request, "console/lead.html", context)


def _move(actor: Actor, lead: Lead, what: str, values: dict[str, Any]) -> None:
    now = timezone.now()
    if what == "offer":
        partner = values["partner"]
        if partner is None:
            route(actor, lead.pk, now)
        else:
            offer_to(actor, lead.pk, partner.number, now)
    elif what == "take_back":
        take_back(actor, lead.pk, values["reason"], now)
    elif what == "expire":
        expire(actor, lead.pk, now, values["reason"])


def _facts(actor: Actor, lead: Lead) -> list[tuple[str, str]]:
    contact = shows_contact(actor, lead)
    return [
        ("Partner", _partner(lead)), ("Territory", str(lead.territory or "")),
        ("Answer due", minute_text(lead.deadline) if lead.deadline else ""),
        ("Last activity", minute_text(lead.last_activity)), ("Consent", "Yes" if lead.consent else "No"),
        ("Contact", lead.contact if contact else ""), ("E-mail", lead.email if contact else ""),
        ("Phone", lead.phone if contact else ""),
        ("Place", " ".join(part for part in (lead.country, lead.postal, lead.region) if part)),
        ("Segment", lead.segment), ("Product", lead.product), ("Value", value_text(lead)), ("Source", lead.source),
        ("Order", lead.order_number), ("Conversions", ", ".join(lead.conversions)), ("Reason", lead.reason),
        ("Note", lead.note),
    ]  # fmt: skip


def _offer_item(offer: LeadOffer) -> dict[str, Any]:
    answer = str(offer.get_answer_display())
    text = f"{offer.why}. {answer}" + (f": {offer.reason}" if offer.reason else "")
    return {
        "title": f"{offer.rank}. {offer.partner.name}", "time": offer.at, "text": text,
        "tone": _TONES.get(offer.answer, "info"),
    }  # fmt: skip


@page(Area.PARTNERS, Action.WRITE)
def routing(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Change how leads find their partners."""
    row = lead_routing()
    form = RoutingForm(posted(request), initial=initial_of(row))

    def save() -> tuple[str, str]:
        change_routing(actor, form.cleaned_data)
        return "The routing is saved. Deadlines that are set stay.", reverse("console_leads")

    return form_page(
        request, form, save, title="Routing of leads", submit="Save", crumbs=_crumbs(),
        text="Owners of the territory are asked first, then the pool. Partners with a better score come first; "
        "those with a similar one take turns.",
        items=timeline(history_of("leads.leadrouting", "1")[:_HISTORY_ROWS], actor),
    )  # fmt: skip


@page(Area.PARTNERS, Action.WRITE)
def preview(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Say whom a lead would be offered to, in order, and why."""
    is_asked = any(request.GET.get(name) for name in POINT_FIELDS)
    form = PointForm(request.GET if is_asked else None)
    items = []
    if is_asked and form.is_valid():
        found = ways_of(form.point(), [], lead_routing(), timezone.now())
        names = dict(Partner.objects.filter(number__in=[one.partner for one in found]).values_list("number", "name"))
        items = [
            {"title": f"{place}. {names[one.partner]}", "text": one.why, "icon": "user"}
            for place, one in enumerate(found, start=1)
        ]
    context = {"form": form, "items": items, "is_asked": is_asked, "crumbs": _crumbs()}
    return render(request, "console/lead_preview.html", context)
