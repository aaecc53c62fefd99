"""Pages of the console in the navigation, each for those who may open it."""

from collections.abc import Callable

from django.http import HttpRequest

from control.accounts.roles import Area
from control.console.access import may, operator_of
from control.partners.access import visible_partners
from control.partners.states import PartnerStatus
from control.ui.navigation import Entry, add_entry


def add_pages() -> None:
    """Add the pages of the console."""
    for entry in (
        Entry("Home", "console_home", "layout-dashboard", order=10),
        Entry("Partners", "console_partners", "users", "Partners", 50, _reads(Area.PARTNERS), applied_partners),
        Entry("Audit trail", "console_audit", "history", "System", 80, _reads(Area.AUDIT)),
        Entry("Jobs", "console_jobs", "list-check", "System", 82, _reads(Area.JOBS)),
        Entry("Settings", "console_settings", "settings", "System", 90, _reads(Area.SETTINGS)),
    ):
        add_entry("console", entry)


def _reads(area: Area) -> Callable[[HttpRequest], bool]:
    return lambda request: may(request, area)


def applied_partners(request: HttpRequest) -> int:
    """Return the number of partners who wait for a decision."""
    actor = operator_of(request)
    return visible_partners(actor).filter(status=PartnerStatus.APPLIED).count() if actor is not None else 0
