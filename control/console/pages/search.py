"""Search over everything that the actor may see."""

from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch

from control.accounts.actor import Actor
from control.console.access import page
from control.console.pages.hits import sentence
from control.errors import Unavailable
from control.search.find import WORDS_CHARS_MAX, Found, SearchKind, search
from control.ui.addresses import page_address
from control.ui.navigation import navigation
from control.ui.states import state_text

ROWS_MAX = 10


@page()
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show pages and objects that contain the words."""
    words = " ".join(request.GET.get("q", "").replace("\0", "").split())[:WORDS_CHARS_MAX]
    found = search(actor, words, ROWS_MAX)
    groups = [_pages(request, words), *(_group(found.kinds[kind], rows, words) for kind, rows in found.by_kind.items())]
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


def _group(kind: SearchKind, rows: list[Found], words: str) -> dict[str, Any]:
    items = [
        {
            "title": row.title,
            "text": row.text,
            "end": state_text(row.state),
            "icon": kind.icon,
            "href": _address(kind, row),
        }
        for row in rows
    ]
    address = _reversed(kind.pages)
    return {"title": kind.heading, "items": items, "all": address, "more": len(rows) == ROWS_MAX and bool(address)}


def _address(kind: SearchKind, row: Found) -> str:
    return _reversed(kind.page, row.id) if kind.page else f"{page_address(kind.pages)}?q={quote(row.id)}"


def _reversed(name: str, *arguments: str) -> str:
    """Return an address; empty for a page that this version does not have."""
    try:
        return page_address(name, *arguments)
    except NoReverseMatch:
        return ""
