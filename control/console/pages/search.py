"""Search over everything that the actor may see."""

from typing import Any
from urllib.parse import quote

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.people import people
from control.accounts.roles import Action, Area
from control.console.access import page
from control.partners.access import visible_partners
from control.partners.selectors import search_partners, sees_personal_data
from control.program.access import visible_links, visible_offers
from control.program.codes import codes_beginning_with

_ROWS_MAX = 10
_Q_CHARS_MAX = 200


@page()
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show what contains the words."""
    words = " ".join(request.GET.get("q", "").replace("\0", "").split())[:_Q_CHARS_MAX]
    found = [part(actor, words) for part in (_partners, _offers, _links, _people)] if words else []
    results = [group for group in found if group["items"]]
    context = {"title": f"Search: {words}" if words else "Search", "words": words, "results": results}
    return render(request, "console/search.html", context)


def _partners(actor: Actor, words: str) -> dict[str, Any]:
    if not actor.may(Area.PARTNERS, Action.READ):
        return {"items": []}
    found = search_partners(visible_partners(actor), words, personal=sees_personal_data(actor)).order_by(
        "name", "number"
    )
    items = [
        {
            "title": row.name, "text": f"Partner {row.number}", "end": row.get_status_display(), "icon": "user",
            "href": reverse("console_partner", args=[row.number]),
        }
        for row in found[:_ROWS_MAX]
    ]  # fmt: skip
    return {"title": "Partners", "items": items, "all": reverse("console_partners"), "more": len(items) == _ROWS_MAX}


def _offers(actor: Actor, words: str) -> dict[str, Any]:
    if not actor.may(Area.PROGRAM, Action.READ):
        return {"items": []}
    rows = visible_offers(actor)
    for word in words.split():
        rows = rows.filter(Q(name__icontains=word) | _number(word))
    items = [
        {
            "title": row.name, "text": f"Offer {row.number}", "end": row.get_status_display(), "icon": "target-arrow",
            "href": reverse("console_offer", args=[row.number]),
        }
        for row in rows.order_by("name", "number")[:_ROWS_MAX]
    ]  # fmt: skip
    return {"title": "Offers", "items": items, "all": reverse("console_offers"), "more": len(items) == _ROWS_MAX}


def _links(actor: Actor, words: str) -> dict[str, Any]:
    """Find links by the start of their code: an index answers that among a million of them."""
    if not actor.may(Area.LINKS, Action.READ):
        return {"items": []}
    rows = visible_links(actor).filter(codes_beginning_with(words)).select_related("offer", "partner")
    items = [
        {
            "title": row.code, "text": f"{row.partner.name}, {row.offer.name}", "end": row.get_status_display(),
            "icon": "link", "href": f"{reverse('console_links')}?q={quote(row.code)}",
        }
        for row in rows.order_by("code")[:_ROWS_MAX]
    ]  # fmt: skip
    return {"title": "Links", "items": items, "all": reverse("console_links"), "more": len(items) == _ROWS_MAX}


def _number(word: str) -> Q:
    return Q(number=int(word)) if word.isascii() and word.isdecimal() and len(word) <= 10 else Q(pk__in=())


def _people(actor: Actor, words: str) -> dict[str, Any]:
    if not actor.may(Area.PEOPLE, Action.READ):
        return {"items": []}
    rows = people(actor)
    for word in words.split():
        rows = rows.filter(Q(name__icontains=word) | Q(email__icontains=word))
    items = [
        {
            "title": str(row), "text": row.email, "end": row.get_role_display(), "icon": "id-badge-2",
            "href": reverse("console_user", args=[row.pk]),
        }
        for row in rows.order_by("name", "email")[:_ROWS_MAX]
    ]  # fmt: skip
    return {"title": "People", "items": items, "all": reverse("console_people"), "more": len(items) == _ROWS_MAX}
