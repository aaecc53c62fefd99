"""Navigation of console and portal: apps add their pages in AppConfig.ready, so that a module is one folder."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from django.http import HttpRequest

from control.modules.states import is_page_on
from control.ui.addresses import page_address

Area = Literal["console", "portal"]


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
    for entry, href in shown:
        group = groups.setdefault(entry.group, Group(entry.group))
        group.links.append(Link(entry.label, href, entry.icon, href == current, entry.count(request)))
    return list(groups.values())
