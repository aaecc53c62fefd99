"""Navigation of console and portal: apps add their pages in AppConfig.ready, so that a module is one folder."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from django.http import HttpRequest
from django.utils.translation import gettext

from control.modules.states import is_page_on
from control.ui.addresses import page_address

Area = Literal["console", "portal"]
_BAR_LINKS_MAX = 5
"""Most links of the bar at the bottom of a phone; with more pages than that, the last one leads to the others."""


def _everybody(_request: HttpRequest) -> bool:
    return True


def _no_count(_request: HttpRequest) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Entry:
    """Page of the navigation."""

    label: str
    url_name: str
    icon: str
    group: str = ""
    order: int = 100
    visible: Callable[[HttpRequest], bool] = _everybody
    count: Callable[[HttpRequest], int] = _no_count
    """Number of things that wait there; 0 shows none."""


@dataclass(frozen=True, slots=True)
class Link:
    """Entry as one page shows it."""

    label: str
    href: str
    icon: str
    current: bool
    count: int


@dataclass(frozen=True, slots=True)
class Group:
    """Links below one heading."""

    label: str
    links: list[Link] = field(default_factory=list)


_entries: dict[Area, list[Entry]] = {"console": [], "portal": []}


def add_entry(area: Area, entry: Entry) -> None:
    """Add a page to a navigation, ordered by its number; the same page twice counts once."""
    known = [other for other in _entries[area] if other.url_name != entry.url_name]
    _entries[area] = sorted([*known, entry], key=lambda other: other.order)


def navigation(area: Area, request: HttpRequest) -> list[Group]:
    """Return what one person sees, without pages of modules that are off.

    The current link is the one with the longest address that the page's begins with.
    """
    there = [entry for entry in _entries[area] if is_page_on(entry.url_name) and entry.visible(request)]
    shown = [(entry, page_address(entry.url_name)) for entry in there]
    matching = [href for _, href in shown if request.path.startswith(href)]
    current = max(matching, key=len, default="")
    groups: dict[str, Group] = {}
    # Texts of the console are English; those of the portal are in the language of the person.
    text = gettext if area == "portal" else str
    for entry, href in shown:
        group = groups.setdefault(entry.group, Group(text(entry.group) if entry.group else ""))
        group.links.append(Link(text(entry.label), href, entry.icon, href == current, entry.count(request)))
    return list(groups.values())


def bar_and_more(groups: Iterable[Group]) -> tuple[list[Link], list[Link]]:
    """Return the links for the bar at the bottom of a phone, and those that do not fit and are on a page of their own.

    Groups with a heading are never in the bar.
    """
    first, rest = main_and_more(groups)
    if not rest and len(first) <= _BAR_LINKS_MAX:
        return first, []
    kept = _BAR_LINKS_MAX - 1
    return first[:kept], [*first[kept:], *rest]


def main_and_more(groups: Iterable[Group]) -> tuple[list[Link], list[Link]]:
    """Return the links without a heading, and those below one."""
    shown = list(groups)
    first = [link for group in shown if not group.label for link in group.links]
    return first, [link for group in shown if group.label for link in group.links]
