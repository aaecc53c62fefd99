"""API: notes about partners."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, page
from tests.control.example.models import TEXT_CHARS_MAX, Note
from tests.control.example.selectors import visible_notes
from tests.control.example.services import add_note

notes = Router(tags=["notes"])
_ORDERS = Orders({"created": "created"}, "-created")


class NoteIn(Schema):
    """A new note."""

    model_config = ConfigDict(extra="forbid")

    partner: int
    text: str = Field(max_length=TEXT_CHARS_MAX)


class NoteOut(Schema):
    """A note."""

    id: str
    partner: int
    text: str
    author: str
    created: datetime


class NotePage(Schema):
    """Page of notes."""

    items: list[NoteOut]
    next: str | None


def _note(note: Note) -> NoteOut:
    return NoteOut(id=str(note.pk), partner=note.partner_id, text=note.text, author=note.author, created=note.created)


@notes.get("", response=answers(NotePage))
def list_notes(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    """List notes, newest first."""
    found = visible_notes(actor_of(request))
    if query.q:
        found = found.filter(text__icontains=query.q)
    return page(request, found, query, _ORDERS, _note)


@notes.post("", response=answers(NoteOut, status=201, errors=(404,)))
def create_note(request: HttpRequest, body: NoteIn) -> tuple[int, NoteOut]:
    """Add a note about a partner."""
    return 201, _note(add_note(actor_of(request), body.partner, body.text))
