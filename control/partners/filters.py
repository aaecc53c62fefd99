"""Filters of partners."""

from collections.abc import Collection
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Q, QuerySet
from pydantic import BeforeValidator, Field

from control.accounts.actor import Actor
from control.filters import CreatedFilters, FilterSet, Number, holds, text_parameter
from control.json_lookups import HoldsValue
from control.partners.models import Partner
from control.partners.selectors import search_partners, sees_personal_data
from program.file import NAME_CHARS_MAX

NOBODY = "nobody"
PERSONAL = ("email", "company", "website", "manager", "custom", "external_ids")
"""Fields without which a partner is impersonal."""
INTERNAL = ("tags", "group", "manager", "custom", "external_ids")
"""Fields that are the operators' own, and not shown to a partner."""


def _manager(value: object) -> UUID | str:
    """Read the id of an operator. Raises ValueError."""
    if value in ("", NOBODY):
        return str(value)
    try:
        return value if isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        raise ValueError(f"must be the id of an operator, or {NOBODY}") from None


Manager = Annotated[
    Any, BeforeValidator(_manager), text_parameter(f"Id of the operator who manages the partner; `{NOBODY}` for none.")
]


class PartnerFilters(CreatedFilters):
    """Filters of partners. A field that the caller may not see finds nothing."""

    name: str = Field("", max_length=NAME_CHARS_MAX)
    company: str = Field("", max_length=200)
    website: str = Field("", max_length=2_000)
    tags: str = Field("", max_length=80, description="A tag that partners have.")
    traffic_sources: str = Field("", max_length=80, description="A source that partners have.")
    status: str = Field("", max_length=12)
    type: str = Field("", max_length=16)
    country: str = Field("", max_length=2)
    group: str = Field("", max_length=80)
    tier: str = Field("", max_length=80)
    manager: Manager = Field("")
    kind: str = Field("", max_length=8)
    language: str = Field("", max_length=16)
    parent: Number = None
    email: str = Field("", max_length=254)
    external_id: str = Field("", max_length=200, description="Id in any other system; `external_ids[crm]` is of one.")


def hidden_fields(actor: Actor) -> set[str]:
    """Return the fields that an actor may not see."""
    return {*(() if sees_personal_data(actor) else PERSONAL), *(() if actor.is_operator else INTERNAL)}


def _hidden(actor: Actor) -> Collection[str]:
    hidden = hidden_fields(actor)
    return hidden | ({"external_id"} if "external_ids" in hidden else set())


def _search(actor: Actor, rows: QuerySet[Partner], text: str) -> QuerySet[Partner]:
    return search_partners(rows, text, personal=sees_personal_data(actor))


PARTNER_FILTERS = FilterSet(
    PartnerFilters,
    _search,
    {
        "email": lambda value: Q(email__iexact=value),
        "tags": holds("tags"),
        "traffic_sources": holds("traffic_sources"),
        "external_id": lambda value: HoldsValue("external_ids", value),
        "manager": lambda value: Q(manager=None if value == NOBODY else value),
    },
    maps=("external_ids", "custom"),
    hidden=_hidden,
)
