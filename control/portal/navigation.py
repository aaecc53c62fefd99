"""Pages of the portal in its navigation, each for those who may open it."""

from collections.abc import Callable

from django.http import HttpRequest
from django.utils.translation import gettext_noop as _

from control.accounts.roles import Area
from control.portal.access import may, partner_actor
from control.ui.navigation import Entry, add_entry

MORE = _("More")
"""Group of the pages that stand behind a menu."""


def add_pages() -> None:
    """Add the pages of the portal."""
    for entry in (Entry(_("Home"), "portal_home", "home", order=10, visible=is_partner),):
        add_entry("portal", entry)


def is_partner(request: HttpRequest) -> bool:
    """Return whether one of a partner's people asks."""
    return partner_actor(request) is not None


def reads(area: Area) -> Callable[[HttpRequest], bool]:
    """Return a condition for pages that need the right to read an area."""
    return lambda request: may(request, area)
