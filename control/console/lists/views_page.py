"""Saved views and chosen columns of a page with a list: what the page shows of them, and what its buttons do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from control.accounts.actor import Actor
from control.console.lists.state import Known, ListState
from control.console.lists.views import delete_view, save_view, saved_views
from control.errors import Refused


@dataclass(frozen=True, slots=True)
class ListHead:
    """Names of a list: of its views, its page, its rows."""

    key: str
    url_name: str
    all_label: str
    """Name of the list without a view, such as "All partners"."""


def views_context(
    actor: Actor, head: ListHead, state: ListState, known: Known, columns: Sequence[tuple[str, str]]
) -> dict[str, object]:
    """Return views as tabs, the one that is open, and the columns (pairs of key and label) with those shown."""
    views, query = saved_views(actor, head.key), state.query(known)
    return {
        "columns": [(key, label, key in state.columns) for key, label in columns],
        "columns_query": ",".join(state.columns) if state.columns != tuple(known.shown) else "",
        "query": query,
        "tabs": _tabs(head, views, query),
        "view": next((view for view in views if view.query == query), None),
    }


def _tabs(head: ListHead, views: Sequence[Any], query: str) -> list[dict[str, object]]:
    if not views:
        return []
    known = {view.query for view in views}
    first = {"label": head.all_label, "href": reverse(head.url_name), "current": query not in known}
    return [
        first,
        *({"label": view.name, "href": f"?{view.query}", "current": view.query == query} for view in views),
    ]


def change_views(
    request: HttpRequest, actor: Actor, head: ListHead, state: ListState, known: Known
) -> HttpResponse | None:
    """Do what a button asks for: choose columns, keep or delete a view. None for other buttons."""
    wish = request.POST.get("do", "")
    if wish == "columns":
        chosen = tuple(name for name in known.columns if name in request.POST.getlist("column"))
        return _to(head, replace(state, columns=chosen or tuple(known.shown)).query(known))
    if wish == "save-view":
        return _save_view(request, actor, head, state.query(known))
    if wish == "delete-view":
        view_id = request.POST.get("view", "")
        if view_id.isascii() and view_id.isdecimal():
            delete_view(actor, head.key, int(view_id))
        return _to(head, "")
    return None


def _save_view(request: HttpRequest, actor: Actor, head: ListHead, query: str) -> HttpResponse:
    try:
        view = save_view(actor, head.key, request.POST.get("name", ""), query)
    except Refused as error:
        messages.error(request, f"The view is not kept: {error}")
    else:
        messages.success(request, f"The view “{view.name}” is kept.")
    return _to(head, query)


def _to(head: ListHead, query: str) -> HttpResponse:
    return HttpResponseRedirect(reverse(head.url_name) + (f"?{query}" if query else ""))
