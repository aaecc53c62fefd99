"""API: notes about partners."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, page
from control.filters import NUMBER_MAX
from control.timeline.models import MENTIONS_MAX, TEXT_CHARS_MAX, Note
from control.timeline.selectors import visible_notes
from control.timeline.services import add_note

partner_notes = Router(tags=["partner-notes"])
_ORDERS = Orders({"created": "created"}, "-created")


class PartnerNoteIn(Schema):
    """A note to add."""

    model_config = ConfigDict(extra="forbid")

    partner: int = Field(ge=1, le=NUMBER_MAX)
    text: str = Field(max_length=TEXT_CHARS_MAX)
    audience: Literal["internal", "shared"] = Field(
        "internal", description="Colleagues only, or shared with the partner."
    )
    mentions: list[UUID] = Field(
        default_factory=list, max_length=MENTIONS_MAX, description="Ids of operators who may read the note."
    )


class PartnerNoteOut(Schema):
    """A note about a partner."""

    id: str
    partner: int
    text: str
    audience: str
    mentions: list[str] = Field(description="Ids of operators; partners see none.")
    author: str
    created: datetime


class PartnerNotePage(Schema):
    """Page of notes."""

    items: list[PartnerNoteOut]
    next: str | None


class PartnerNoteQuery(PageQuery):
    """Filter of notes."""

    partner: int | None = Field(None, ge=1, le=NUMBER_MAX)


def _note(note: Note, *, to_operator: bool) -> PartnerNoteOut:
    mentions = [str(mention.user_id) for mention in note.mentions.all()] if to_operator else []
    return PartnerNoteOut(
        id=str(note.pk), partner=note.partner_id, text=note.text, audience=note.audience, mentions=mentions,
        author=note.author, created=note.created,
    )  # fmt: skip


def note_event(note: Note) -> PartnerNoteOut:
    """Show a note in events, as operators see it."""
    return _note(note, to_operator=True)


@partner_notes.get("", response=answers(PartnerNotePage))
def list_partner_notes(request: HttpRequest, query: Query[PartnerNoteQuery]) -> HttpResponse:
    """List notes, newest first. Partners see those that are shared with them."""
    actor = actor_of(request)
    found = visible_notes(actor)
    if query.partner is not None:
        found = found.filter(partner=query.partner)
    if query.q:
        found = found.filter(text__icontains=query.q)
    return page(request, found, query, _ORDERS, lambda note: _note(note, to_operator=actor.is_operator))


@partner_notes.post("", response=answers(PartnerNoteOut, status=201, errors=(404,)))
def create_partner_note(request: HttpRequest, body: PartnerNoteIn) -> Status[PartnerNoteOut]:
    """Add a note about a partner."""
    note = add_note(actor_of(request), body.partner, body.text, body.audience, body.mentions)
    return Status(201, _note(note, to_operator=True))
