"""API: API keys."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from control.accounts.keys import api_keys as visible_keys
from control.accounts.keys import key_of, make_key, revoke_key
from control.accounts.middleware import actor_of
from control.accounts.models import ApiKey
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, exactly, page

api_keys = Router(tags=["api-keys"])
_ORDERS = Orders({"name": "name", "created": "created"}, "name")
_NUMBER_MAX = 2**32 - 1


class ApiKeyIn(Schema):
    """A key to make."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=80, description="The system that uses the key.")
    scope: str = Field(max_length=8, description="read, write or admin.")
    partner: int | None = Field(None, ge=1, le=_NUMBER_MAX, description="Partner whose rows the key is limited to.")
    expires: datetime | None = Field(None, description="Time from which the key is refused; without it, never.")


class ApiKeyOut(Schema):
    """An API key, without its text."""

    id: str
    name: str
    scope: str
    partner: int | None
    begins_with: str
    created: datetime
    created_by: str
    expires: datetime | None
    expired: bool
    last_used: datetime | None = Field(description="To the minute.")
    unused: bool = Field(description="Whether nobody has used it for 90 days.")


class ApiKeyCreated(ApiKeyOut):
    """A new key with its text, which is shown this once."""

    key: str


class ApiKeyPage(Schema):
    """Page of API keys."""

    items: list[ApiKeyOut]
    next: str | None


class ApiKeyQuery(PageQuery):
    """Filters of API keys."""

    name: str = Field("", max_length=80)
    scope: str = Field("", max_length=8)
    partner: int | None = Field(None, ge=1, le=_NUMBER_MAX)
    created_by: str = Field("", max_length=254)


def _values(key: ApiKey) -> dict[str, Any]:
    now = timezone.now()
    names = ("name", "scope", "created", "created_by", "expires", "last_used")
    return {
        **{name: getattr(key, name) for name in names}, "id": str(key.pk), "partner": key.partner_id,
        "begins_with": f"clew_{key.prefix}", "expired": key.is_expired(now), "unused": key.is_unused(now),
    }  # fmt: skip


def _shown(key: ApiKey) -> ApiKeyOut:
    return ApiKeyOut(**_values(key))


@api_keys.get("", response=answers(ApiKeyPage))
def list_api_keys(request: HttpRequest, query: Query[ApiKeyQuery]) -> HttpResponse:
    """List the API keys that are not revoked."""
    found = exactly(visible_keys(actor_of(request)), query, "name", "scope", "partner", "created_by")
    if query.q:
        found = found.filter(name__icontains=query.q)
    return page(request, found, query, _ORDERS, _shown)


@api_keys.post("", response=answers(ApiKeyCreated, status=201, errors=(409,)))
def add_api_key(request: HttpRequest, body: ApiKeyIn) -> Status[ApiKeyCreated]:
    """Make an API key, and answer its text this once."""
    expires = body.expires
    if expires is not None and expires.tzinfo is None:
        expires = expires.replace(tzinfo=UTC)
    key, text = make_key(actor_of(request), body.name, body.scope, body.partner, expires)
    return Status(201, ApiKeyCreated(key=text, **_values(key)))


@api_keys.get("/{key_id}", response=answers(ApiKeyOut, errors=(404,)))
def get_api_key(request: HttpRequest, key_id: UUID) -> ApiKeyOut:
    """Get one API key."""
    return _shown(key_of(actor_of(request), key_id))


@api_keys.delete("/{key_id}", response=answers(None, status=204, errors=(404,)))
def remove_api_key(request: HttpRequest, key_id: UUID) -> Status[None]:
    """Revoke an API key; it stops at once."""
    actor = actor_of(request)
    revoke_key(actor, key_of(actor, key_id).name)
    return Status(204, None)
