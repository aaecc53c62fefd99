"""Pages of partners: list, one partner, its history, forms, changes of state."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.models import Seat
from control.accounts.roles import Action, Area
from control.audit.selectors import history_of
from control.console.access import page
from control.console.figures.home import object_figures
from control.console.forms.base import add_refusal, check_answer, is_check, sections_of
from control.console.forms.partners import SECTIONS, PartnerForm, initial_of, reason_form
from control.console.forms.when import add_when, local_text
from control.console.history import timeline
from control.console.lists.page import list_page
from control.console.pages.partner_list import PARTNERS
from control.console.pages.scheduled import waiting_of
from control.console.partner_timeline import partner_timeline
from control.errors import Refused
from control.modules.states import is_on
from control.partners import services
from control.partners.access import visible_partners
from control.partners.models import Partner
from control.partners.selectors import partner as find_partner
from control.partners.selectors import sees_personal_data
from control.partners.states import REASON_REQUIRED, TRANSITIONS, PartnerStatus
from control.scheduled.models import ChangeKind
from control.scheduled.services import schedule_status
from control.ui.moments import day_text

HISTORY_ROWS = 100
CHILDREN_SHOWN_MAX = 20
VERBS = {
    PartnerStatus.INVITED: "Invite",
    PartnerStatus.APPROVED: "Approve",
    PartnerStatus.ACTIVE: "Activate",
    PartnerStatus.DORMANT: "Mark as dormant",
    PartnerStatus.SUSPENDED: "Suspend",
    PartnerStatus.OFFBOARDED: "Offboard",
}
CONSEQUENCES = {
    PartnerStatus.INVITED: "The partner is noted as invited. Links do not work yet.",
    PartnerStatus.APPROVED: "The partner is noted as approved. Links work once it is active.",
    PartnerStatus.ACTIVE: "Links of the partner work within seconds, and conversions count.",
    PartnerStatus.DORMANT: "A label for people: links go on, and money stays.",
    PartnerStatus.SUSPENDED: "Links of the partner stop within seconds. Open commissions stay.",
    PartnerStatus.OFFBOARDED: "The cooperation ends: links stop within seconds. Open commissions stay.",
}
_ICONS = {PartnerStatus.ACTIVE: "player-play", PartnerStatus.APPROVED: "check", PartnerStatus.INVITED: "mail"}
_HARSH = (PartnerStatus.SUSPENDED, PartnerStatus.OFFBOARDED)


@page(Area.PARTNERS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List partners."""
    return list_page(request, actor, PARTNERS, can_add=actor.may(Area.PARTNERS, Action.WRITE))


@page(Area.PARTNERS)
def show(request: HttpRequest, actor: Actor, number: int) -> HttpResponse:
    """Show one partner."""
    partner = find_partner(actor, number)
    private = sees_personal_data(actor)
    children = visible_partners(actor).filter(parent=partner).order_by("name")
    context = {
        **_head(actor, partner, "profile"),
        "facts": _facts(partner, private=private),
        "further": _further(partner) if private else [],
        "timeline": partner_timeline(actor, partner),
        "note": _note_address(actor, partner),
        "people": Seat.objects.filter(partner=partner).select_related("user") if private else [],
        "children": [_row(child) for child in children[:CHILDREN_SHOWN_MAX]],
        "children_count": children.count(),
        "private": private,
        **object_figures(actor, "partner", number),
        "invite": reverse("console_partner_invite", args=[number]) if actor.may(Area.PEOPLE, Action.WRITE) else "",
    }
    return render(request, "console/partner.html", context)


@page(Area.PARTNERS)
def history(request: HttpRequest, actor: Actor, number: int) -> HttpResponse:
    """Show what was changed of one partner, newest first."""
    partner = find_partner(actor, number)
    if not sees_personal_data(actor):
        raise Http404("the history holds names and addresses of people")
    events = history_of("partners.partner", str(partner.number))[:HISTORY_ROWS]
    context = {**_head(actor, partner, "history"), "items": timeline(events, actor)}
    return render(request, "console/history.html", context)


@page(Area.PARTNERS, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Add a partner."""
    return _form_page(request, actor, None)


@page(Area.PARTNERS, Action.WRITE)
def edit(request: HttpRequest, actor: Actor, number: int) -> HttpResponse:
    """Change fields of a partner."""
    return _form_page(request, actor, find_partner(actor, number))


def _form_page(request: HttpRequest, actor: Actor, partner: Partner | None) -> HttpResponse:
    initial = initial_of(partner) if partner is not None else None
    form = PartnerForm(actor, partner, request.POST if request.method == "POST" else None, initial=initial)
    if is_check(request):
        return check_answer(request, form)
    if request.method == "POST" and form.is_valid():
        try:
            saved = _save(actor, partner, form)
        except Refused as error:
            add_refusal(form, error)
        else:
            messages.success(request, f"{saved.name} is saved." if partner else f"{saved.name} is added.")
            return HttpResponseRedirect(reverse("console_partner", args=[saved.number]))
    crumbs = [("Partners", reverse("console_partners"))]
    if partner is not None:
        crumbs.append((partner.name, reverse("console_partner", args=[partner.number])))
    context = {
        "title": f"Edit {partner.name}" if partner else "New partner",
        "crumbs": crumbs,
        "form": form,
        "sections": sections_of(form, SECTIONS),
        "submit": "Save" if partner else "Add partner",
        "back": crumbs[-1][1],
        "live": True,
    }
    return render(request, "console/form.html", context)


def _save(actor: Actor, partner: Partner | None, form: PartnerForm) -> Partner:
    if partner is None:
        return services.create_partner(actor, form.values(), form.cleaned_data["status"])
    return services.change_partner(actor, partner.number, form.values())


@page(Area.PARTNERS, Action.WRITE)
def move(request: HttpRequest, actor: Actor, number: int, to: str) -> HttpResponse:
    """Ask before a change of state, for a reason where it needs one; then make it."""
    partner = find_partner(actor, number)
    if to not in VERBS:
        raise Http404(f"there is no state {to}")
    new_status = PartnerStatus(to)
    form = reason_form(new_status)(request.POST if request.method == "POST" else None)
    add_when(form)
    if request.method == "POST" and form.is_valid():
        at, reason = form.cleaned_data["at"], form.cleaned_data["reason"]
        try:
            if at is not None:
                schedule_status(actor, ChangeKind.PARTNER, str(number), to, at, reason)
            else:
                services.transition(actor, number, to, reason)
        except Refused as error:
            add_refusal(form, error)
        else:
            when = f" from {local_text(at)}" if at is not None else ""
            messages.success(request, f"{partner.name} is {new_status.label.lower()}{when}.")
            return HttpResponseRedirect(reverse("console_partner", args=[number]))
    context = {
        "title": f"{VERBS[new_status]} {partner.name}?",
        "text": CONSEQUENCES[new_status],
        "crumbs": [("Partners", reverse("console_partners")), (partner.name, _address(partner))],
        "form": form,
        "submit": VERBS[new_status],
        "danger": new_status in _HARSH,
        "back": _address(partner),
    }
    return render(request, "console/ask.html", context)


def _address(partner: Partner) -> str:
    return reverse("console_partner", args=[partner.number])


def _head(actor: Actor, partner: Partner, tab: str) -> dict[str, Any]:
    tabs = [{"label": "Profile", "href": _address(partner), "current": tab == "profile"}]
    if sees_personal_data(actor):
        href = reverse("console_partner_history", args=[partner.number])
        tabs.append({"label": "History", "href": href, "current": tab == "history"})
    return {
        "partner": partner,
        "title": partner.name,
        "crumbs": [("Partners", reverse("console_partners"))],
        "tabs": tabs,
        "scheduled": waiting_of(actor, ChangeKind.PARTNER, str(partner.number)),
        "moves": _moves(partner) if actor.may(Area.PARTNERS, Action.WRITE) else [],
        "edit": reverse("console_partner_edit", args=[partner.number])
        if actor.may(Area.PARTNERS, Action.WRITE)
        else "",
    }


def _moves(partner: Partner) -> list[dict[str, Any]]:
    """Return the changes of state that are allowed now: the usual one first."""
    allowed = [state for state in PartnerStatus if state in TRANSITIONS[PartnerStatus(partner.status)]]
    allowed.sort(key=lambda state: (state in REASON_REQUIRED, state != PartnerStatus.ACTIVE))
    return [
        {
            "label": VERBS[state], "href": reverse("console_partner_move", args=[partner.number, state.value]),
            "danger": state in _HARSH, "icon": _ICONS.get(state, ""),
        }
        for state in allowed
    ]  # fmt: skip


def _facts(partner: Partner, *, private: bool) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [("Number", str(partner.number))]
    if private:
        facts += [("E-mail", partner.email), ("Company", partner.company), ("Website", partner.website)]
    facts += [
        ("Type", partner.get_type_display() if partner.type else ""),
        ("Manager", str(partner.manager or "")),
        ("Tier", partner.tier),
        ("Group", partner.group),
        ("Tags", ", ".join(partner.tags)),
        ("Country", partner.country),
        ("Language", partner.language),
        ("Traffic sources", ", ".join(partner.traffic_sources)),
        ("Kind for attribution", partner.get_kind_display()),
        ("Since", day_text(partner.created)),
    ]
    needed = {"Number", "E-mail", "Type", "Manager", "Country", "Since"}
    return [(name, value) for name, value in facts if value or name in needed]


def _further(partner: Partner) -> list[tuple[str, object]]:
    return [*partner.external_ids.items(), *partner.custom.items()]


def _note_address(actor: Actor, partner: Partner) -> str:
    may_add = is_on("timeline") and actor.may(Area.PARTNERS, Action.WRITE)
    return reverse("console_partner_note", args=[partner.number]) if may_add else ""


def _row(partner: Partner) -> dict[str, Any]:
    return {"title": partner.name, "text": partner.get_status_display(), "href": _address(partner), "icon": "user"}
