"""Notes in the search over everything."""

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.search.find import Found, SearchKind
from tests.control.example.selectors import visible_notes


def _find(actor: Actor, words: str, rows_max: int) -> list[Found]:
    rows = visible_notes(actor).filter(text__icontains=words)
    return [Found("note", str(row.pk), str(row), row.partner.name) for row in rows[:rows_max]]


NOTES = SearchKind(Area.TICKETS, _find, "Notes", "notes", "", "console_notes")
