"""App of the notes."""

from control.accounts.roles import Area
from control.modules.config import ModuleConfig


class NotesConfig(ModuleConfig):
    """Names what the module adds to API, pages and navigation."""

    name = "tests.control.example"
    label = "notes"
    verbose_name = "Notes"
    text = "Colleagues write down what they know about a partner."
    area = Area.TICKETS
    needs = ("exports",)
    starts_on = False
    api_routers = {"/notes": "tests.control.example.api.notes"}
    console_urls = "tests.control.example.urls"
    search_kinds = {"note": "tests.control.example.search.NOTES"}

    def ready(self) -> None:
        from control.console.access import may
        from control.ui.navigation import Entry, add_entry

        entry = Entry(
            "Notes", "console_notes", "list-check", "Partners", 54, visible=lambda request: may(request, Area.TICKETS)
        )
        add_entry("console", entry)
