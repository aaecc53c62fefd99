"""Pages of the notes: a list, and a form."""

from collections.abc import Sequence

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.dateformat import format as format_date

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, ListColumn, ListSpec
from control.ui.table import Cell
from tests.control.example.models import TEXT_CHARS_MAX, Note
from tests.control.example.selectors import visible_notes
from tests.control.example.services import add_note


class NoteForm(forms.Form):
    """A new note."""

    partner = forms.IntegerField(min_value=1, help_text="Number of the partner.")
    text = forms.CharField(max_length=TEXT_CHARS_MAX, widget=forms.Textarea(attrs={"rows": 4}))


def _columns(_actor: Actor) -> Sequence[ListColumn[Note]]:
    return [
        ListColumn[Note](
            "partner", "Partner",
            lambda row: Cell(row.partner.name, href=reverse("console_partner", args=[row.partner_id])),
            ("partner__name",),
        ),
        ListColumn[Note]("text", "Note", lambda row: row.text),
        ListColumn[Note]("author", "By", lambda row: row.author, ("author",)),
        ListColumn[Note](
            "created", "Since", lambda row: format_date(row.created, "j M Y"), ("created",), descending_first=True
        ),
    ]  # fmt: skip


NOTES: ListSpec[Note] = ListSpec(
    key="notes", title="Notes", noun="note", nouns="notes", url_name="console_notes", rows=visible_notes,
    columns=_columns, order="-created", text="Notes about partners, for colleagues.",
    empty=Empty(
        "No notes yet", "Write down what a colleague should know.", "list-check", "New note", "console_note_new"
    ),
    search=lambda _actor, rows, text: rows.filter(text__icontains=text), search_label="Search in notes",
)  # fmt: skip


@page(Area.TICKETS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List notes."""
    return list_page(request, actor, NOTES, can_add=actor.may(Area.TICKETS, Action.WRITE))


@page(Area.TICKETS, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Add a note."""
    form = NoteForm(posted(request))

    def save() -> tuple[str, str]:
        note = add_note(actor, form.cleaned_data["partner"], form.cleaned_data["text"])
        return f"The note about {note.partner} is stored.", reverse("console_notes")

    return form_page(
        request, form, save, title="New note", submit="Add note", crumbs=[("Notes", reverse("console_notes"))]
    )
