"""Pages of the portal: who may open each, and their addresses."""

from django.urls import reverse

from tests.control.portal.installation import Portal, Side

EVERYBODY = {"owner", "admin", "finance", "member", "read_only"}
PAGES: dict[str, set[str]] = {
    "portal_home": EVERYBODY,
    "portal_more": EVERYBODY,
    "portal_seats": EVERYBODY,
}
"""Roles within a partner that may open a page. A page that is not here fails a test."""
FOREIGN: set[str] = set()
"""Pages of an object that belongs to one partner."""


def paths_of(portal: Portal, side: Side) -> dict[str, str]:
    """Return the addresses of pages by name; those of an object are of this partner's."""
    arguments: dict[str, list[object]] = {}
    return {name: reverse(name, args=arguments.get(name, [])) for name in PAGES}
