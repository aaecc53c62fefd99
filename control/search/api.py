"""API: search."""

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field, field_validator

from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.search.find import ROWS_MAX, WORDS_CHARS_MAX, kind_names, search

search_router = Router(tags=["search"])


class SearchQuery(Schema):
    """Words, and the kind of objects to search."""

    q: str = Field(min_length=1, max_length=WORDS_CHARS_MAX, description="Words that an object contains.")
    kind: str = Field("", description="One kind only; all without it.", json_schema_extra={"enum": ["", *kind_names()]})
    limit: int = Field(10, ge=1, le=ROWS_MAX, description="Most objects of each kind.")

    @field_validator("kind")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value and value not in kind_names():
            raise ValueError(f"must be one of {', '.join(kind_names())}")
        return value


class FoundOut(Schema):
    """An object that was found."""

    kind: str = Field(description=f"One of {', '.join(kind_names())}.")
    id: str = Field(description="Id in the resource of this kind.")
    title: str
    text: str
    state: str


class SearchResults(Schema):
    """Objects by kind, at most `limit` of each; there is no further page."""

    items: list[FoundOut]
    next: str | None
    not_searched: str = Field(description="Reason why conversions were not searched; empty if they were.")


@search_router.get("", response=answers(SearchResults))
def list_results(request: HttpRequest, query: Query[SearchQuery]) -> SearchResults:
    """Search partners, offers, links (start of the code), plans, coupons, people and conversions (exact ids)."""
    actor = actor_of(request)
    actor.require(Area.PROGRAM, Action.READ)
    found = search(actor, query.q, query.limit, query.kind)
    items = [
        FoundOut(kind=one.kind, id=one.id, title=one.title, text=one.text, state=one.state)
        for rows in found.by_kind.values()
        for one in rows
    ]
    return SearchResults(items=items, next=None, not_searched=found.trouble)
