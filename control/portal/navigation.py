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
    for entry in (
        Entry(_("Home"), "portal_home", "home", order=10, visible=is_partner),
        Entry(_("Links"), "portal_links", "link", order=20, visible=reads(Area.LINKS)),
        Entry(_("Offers"), "portal_offers", "target-arrow", order=30, visible=reads(Area.PROGRAM)),
        Entry(_("Statistics"), "portal_statistics", "chart-bar", order=40, visible=reads(Area.REPORTS)),
        Entry(_("Conversions"), "portal_conversions", "shopping-cart", order=50, visible=reads(Area.REPORTS)),
        Entry(_("Balance"), "portal_balance", "receipt", order=60, visible=reads(Area.REPORTS)),
        Entry(_("Partner profile"), "portal_profile", "building", MORE, 70, reads(Area.PARTNERS)),
        Entry(_("People"), "portal_people", "users", MORE, 80, reads(Area.PEOPLE)),
        Entry(_("Help"), "portal_help", "info-circle", MORE, 90, is_partner),
    ):
        add_entry("portal", entry)


def is_partner(request: HttpRequest) -> bool:
    """Return whether one of a partner's people asks."""
    return partner_actor(request) is not None


def reads(area: Area) -> Callable[[HttpRequest], bool]:
    """Return a condition for pages that need the right to read an area."""
    return lambda request: may(request, area)
