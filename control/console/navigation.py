"""Pages of the console in the navigation, each for those who may open it."""

from collections.abc import Callable

from django.http import HttpRequest

from control.accounts.roles import Action, Area
from control.console.access import may, operator_of
from control.console.waiting import applied_partners, asked_approvals, drafts
from control.ui.navigation import Entry, add_entry


def add_pages() -> None:
    """Add the pages of the console."""
    for entry in (
        Entry("Home", "console_home", "layout-dashboard", order=10),
        Entry("Reports", "console_reports", "chart-bar", order=12, visible=_reads(Area.REPORTS)),
        Entry("Conversions", "console_conversions", "shopping-cart", order=14, visible=_reads(Area.REPORTS)),
        Entry("Partners", "console_partners", "users", "Partners", 50, _reads(Area.PARTNERS), applied_partners),
        Entry("Approvals", "console_approvals", "user-check", "Partners", 52, _reads(Area.PARTNERS), asked_approvals),
        Entry("Offers", "console_offers", "target-arrow", "Program", 30, _reads(Area.PROGRAM)),
        Entry("Links", "console_links", "link", "Program", 32, _reads(Area.LINKS)),
        Entry("Plans", "console_plans", "receipt", "Program", 34, _reads(Area.PROGRAM), drafts),
        Entry("Coupons", "console_coupons", "ticket", "Program", 36, _reads(Area.PROGRAM)),
        Entry("Publish", "console_publish", "rocket", "Program", 38, _reads(Area.PROGRAM)),
        Entry("Versions", "console_versions", "versions", "Program", 39, _reads(Area.PROGRAM)),
        Entry("Scheduled", "console_scheduled", "clock", "Program", 40, _reads(Area.PROGRAM)),
        Entry("Live view", "console_hits", "activity", "Traffic", 60, _reads(Area.REPORTS)),
        Entry("Rejected hits", "console_rejected", "ban", "Traffic", 62, _reads(Area.REPORTS)),
        Entry("Problems", "console_problems", "alert-triangle", "Traffic", 64, _reads(Area.REPORTS)),
        Entry("Postback tester", "console_postbacks", "flask", "Traffic", 66, _reads(Area.REPORTS)),
        Entry("Imports", "console_imports", "file-spreadsheet", "System", 78, _imports),
        Entry("Exports", "console_exports", "download", "System", 79, is_operator),
        Entry("Audit trail", "console_audit", "history", "System", 80, _reads(Area.AUDIT)),
        Entry("Jobs", "console_jobs", "list-check", "System", 82, _reads(Area.JOBS)),
        Entry("System health", "console_health", "heartbeat", "System", 84, is_operator),
        Entry("Settings", "console_settings", "settings", "System", 90, _reads(Area.SETTINGS)),
    ):
        add_entry("console", entry)


def is_operator(request: HttpRequest) -> bool:
    """Return whether an operator asks."""
    return operator_of(request) is not None


def _imports(request: HttpRequest) -> bool:
    return may(request, Area.PARTNERS, Action.WRITE)


def _reads(area: Area) -> Callable[[HttpRequest], bool]:
    return lambda request: may(request, area)
