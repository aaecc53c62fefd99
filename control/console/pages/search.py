"""Search over everything that the actor may see."""

from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse

from control.accounts.actor import Actor
from control.console.access import page
from control.console.pages.hits import sentence
from control.errors import Unavailable
from control.search.find import WORDS_CHARS_MAX, Found, search
from control.ui.navigation import navigation
from control.ui.states import state_text

ROWS_MAX = 10
# Heading, icon, page of one object, page of all; a page of all takes `?q=`.
_KINDS = {
    "partner": ("Partners", "user", "console_partner", "console_partners"),
    "offer": ("Offers", "target-arrow", "console_offer", "console_offers"),
    "link": ("Links", "link", "", "console_links"),
    "plan": ("Plans", "receipt", "console_plan", "console_plans"),
    "coupon": ("Coupons", "ticket", "console_coupon", "console_coupons"),
    "user": ("People", "id-badge-2", "console_user", "console_people"),
    "conversion": ("Conversions", "shopping-cart", "console_conversion", "console_conversions"),
}


@page()
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show pages and objects that contain the words."""
    words = " ".join(request.GET.get("q", "").replace("\0", "").split())[:WORDS_CHARS_MAX]
    found = search(actor, words, ROWS_MAX)
    groups = [_pages(request, words), *(_group(kind, rows, words) for kind, rows in found.by_kind.items())]
    context = {
        "title": f"Search: {words}" if words else "Search",
        "words": words,
        "results": [group for group in groups if group["items"]],
        "trouble": sentence(Unavailable(f"conversions were not searched: {found.trouble}")) if found.trouble else "",
    }
    return render(request, "console/search.html", context)


def _pages(request: HttpRequest, words: str) -> dict[str, Any]:
    """Return the pages of the navigation whose name contains the words."""
    links = [link for group in navigation("console", request) for link in group.links] if words else []
    items = [
        {"title": link.label, "text": "Page", "href": link.href, "icon": link.icon}
        for link in links
        if words.casefold() in link.label.casefold()
    ]
    return {"title": "Pages", "items": items, "more": False}


def _group(kind: str, rows: list[Found], words: str) -> dict[str, Any]:
    title, icon, _, all_name = _KINDS[kind]
    items = [
        {"title": row.title, "text": row.text, "end": state_text(row.state), "icon": icon, "href": _address(row)}
        for row in rows
    ]
    address = _reversed(all_name)
    return {"title": title, "items": items, "all": address, "more": len(rows) == ROWS_MAX and bool(address)}


def _address(row: Found) -> str:
    _, _, name, all_name = _KINDS[row.kind]
    if not name:
        return f"{reverse(all_name)}?q={quote(row.id)}"
    return _reversed(name, row.id)


def _reversed(name: str, *arguments: str) -> str:
    """Return an address; empty for a page that this version does not have."""
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return ""
