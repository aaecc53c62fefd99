"""Pages of offers that a partner may promote or ask for."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.forms.page import posted
from control.errors import NotFound, Refused
from control.portal.access import portal_page
from control.portal.forms import RequestForm
from control.portal.pages.links import status_cell
from control.portal.paging import page_of
from control.portal.terms import duration_text, hold_text, plans_in_force, rates_of, summary
from control.program.access import approvals, coupons, visible_links, visible_offers
from control.program.models import Approval, ApprovalStatus, Offer, OfferAccess, OfferStatus, TermsState
from control.program.services.approvals import request_access
from control.ui.table import Tone

_LINKS_SHOWN_MAX = 20
_SHOW = ("", "usable", "asked")


@portal_page(Area.PROGRAM)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List offers with their rate and the partner's access."""
    query = " ".join(request.GET.get("q", "").replace("\0", "").split())[:200]
    chosen = request.GET.get("show", "") if request.GET.get("show") in _SHOW else ""
    rows, page = page_of(request, _matching(actor, query, chosen))
    found = plans_in_force(actor, rows, timezone.now())
    states = _states(actor, rows)
    labels = {"": _("All offers"), "usable": _("Ready to promote"), "asked": _("Asked for")}
    context = {
        "items": [
            {
                "offer": offer, "rate": summary(found.get(offer.number, ())),
                "access": access_text(offer, states.get(offer.number)), "tone": _tone(offer, states.get(offer.number)),
            }
            for offer in rows
        ],
        "page": page, "is_filtered": bool(query or chosen),
        "tabs": [
            {"label": labels[key], "href": f"?show={key}" if key else "?", "current": key == chosen} for key in _SHOW
        ],
    }  # fmt: skip
    return render(request, "portal/offers.html", context)


def _matching(actor: Actor, query: str, chosen: str) -> QuerySet[Offer]:
    rows = visible_offers(actor).filter(status=OfferStatus.ACTIVE).order_by("name", "number")
    for word in query.split():
        rows = rows.filter(name__icontains=word)
    asked = approvals(actor)
    if chosen == "usable":
        approved = asked.filter(status=ApprovalStatus.APPROVED).values("offer")
        return rows.filter(access=OfferAccess.OPEN) | rows.filter(number__in=approved)
    return rows.filter(number__in=asked.values("offer")) if chosen == "asked" else rows


def _states(actor: Actor, offers: list[Offer]) -> dict[int, Approval]:
    return {row.offer_id: row for row in approvals(actor).filter(offer__in=[offer.number for offer in offers])}


def access_text(offer: Offer, approval: Approval | None) -> str:
    """Say whether the partner may promote an offer."""
    if offer.access == OfferAccess.OPEN:
        return _("Open")
    status = approval.status if approval is not None else ""
    texts = {
        ApprovalStatus.APPROVED: _("Approved for you"), ApprovalStatus.REQUESTED: _("Your request waits"),
        ApprovalStatus.REJECTED: _("Your request was rejected"),
    }  # fmt: skip
    return next((text for state, text in texts.items() if state == status), _("On approval"))


def _tone(offer: Offer, approval: Approval | None) -> Tone:
    if offer.access == OfferAccess.OPEN or (approval is not None and approval.status == ApprovalStatus.APPROVED):
        return "good"
    if approval is None:
        return "info"
    return "bad" if approval.status == ApprovalStatus.REJECTED else "warn"


@portal_page(Area.PROGRAM)
def show(request: HttpRequest, actor: Actor, number: int) -> HttpResponse:
    """Show an offer with its terms; with POST, ask for approval."""
    offer = visible_offers(actor).filter(number=number, status__in=[OfferStatus.ACTIVE, OfferStatus.PAUSED]).first()
    if offer is None:
        raise NotFound(f"there is no offer {number}")
    approval = approvals(actor).filter(offer=offer).first()
    may_ask = offer.access == OfferAccess.APPROVAL and approval is None and actor.may(Area.LINKS, Action.WRITE)
    form = RequestForm(posted(request))
    if request.method == "POST":
        actor.require(Area.LINKS, Action.WRITE)
        if form.is_valid():
            try:
                request_access(actor, number, actor.partner or 0, form.cleaned_data["reason"])
            except Refused as error:
                messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
            else:
                messages.success(request, _("Your request is sent. The program answers it."))
            return HttpResponseRedirect(reverse("portal_offer", args=[number]))
    usable = offer.status == OfferStatus.ACTIVE and (
        offer.access == OfferAccess.OPEN or (approval is not None and approval.status == ApprovalStatus.APPROVED)
    )
    context = {
        "offer": offer, "approval": approval, "form": form if may_ask else None,
        "access": access_text(offer, approval), "tone": _tone(offer, approval),
        "may_link": usable and actor.may(Area.LINKS, Action.WRITE),
        **_terms(actor, offer),
    }  # fmt: skip
    return render(request, "portal/offer.html", context)


def _terms(actor: Actor, offer: Offer) -> dict[str, Any]:
    found = plans_in_force(actor, [offer], timezone.now()).get(offer.number, [])
    window = max((plan.click_window_us or offer.click_window_us for plan in found), default=offer.click_window_us)
    links = visible_links(actor).filter(offer=offer).order_by("-created", "-id")[:_LINKS_SHOWN_MAX]
    codes = coupons(actor).filter(offer=offer, state=TermsState.PUBLISHED).order_by("code")
    return {
        "rates": rates_of(offer, found),
        "rules": [
            (_("A click counts for"), duration_text(window)),
            (_("You are paid"), hold_text(found)),
            (_("What counts"), ", ".join(goal["name"] for goal in offer.goals)),
            (_("Pages on"), ", ".join(dict.fromkeys([_host(offer.landing_url), *offer.allowed_hosts]))),
        ],
        "codes": [coupon.code for coupon in codes],
        "links": [
            {"title": link.code, "text": link.landing_url, "href": reverse("portal_link", args=[link.code]),
             "icon": "link", "end": status_cell(link).text}
            for link in links
        ],
    }  # fmt: skip


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].partition("?")[0]
