"""Lists in pages: `limit`, `cursor`, `order`, `q`. A cursor names the last row, so that added rows shift nothing."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Schema
from ninja.responses import Response
from pydantic import Field

from control.errors import FieldError, Invalid

LIMIT_MAX = 500
_CURSOR_CHARS_MAX = 1_000
_JSON = "application/json; charset=utf-8"
_M = TypeVar("_M", bound=Model)
_BAD_CURSOR = FieldError("cursor", "is not a cursor of this list; take the one in `next`, or leave it out")


class PageQuery(Schema):
    """Parameters of every list."""

    limit: int = Field(50, ge=1, le=LIMIT_MAX, description="Most items of a page.")
    cursor: str = Field("", max_length=_CURSOR_CHARS_MAX, description="`next` of the page before.")
    order: str = Field("", max_length=64, description="Column to order by; with - in front, descending.")
    q: str = Field("", max_length=200, description="Text to search for.")


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders that a list allows: names of the API, with the columns of the table. The first one is the default."""

    columns: Mapping[str, str]
    default: str

    def parse(self, order: str) -> tuple[str, bool]:
        """Return column and direction. Raises Invalid."""
        text = order or self.default
        name = text.removeprefix("-")
        if name not in self.columns:
            allowed = ", ".join(sorted(self.columns))
            raise Invalid(FieldError("order", f"must be one of {allowed}, with - in front for descending"))
        return self.columns[name], text.startswith("-")


def exactly(rows: QuerySet[_M], query: Schema, *names: str, **columns: str) -> QuerySet[_M]:
    """Return the rows whose columns equal the parameters that are given; `columns` has those of another name."""
    for name, column in (dict(zip(names, names, strict=True)) | columns).items():
        if (value := getattr(query, name)) not in (None, ""):
            rows = rows.filter(**{column: value})
    return rows


def map_parameters(*names: str) -> dict[str, Any]:
    """Describe parameters that name entries of maps, for the document of an operation."""
    return {
        "parameters": [
            {
                "in": "query", "name": name, "required": False, "style": "deepObject", "explode": True,
                "schema": {"type": "object", "additionalProperties": {"type": "string"}, "title": name},
                "description": f"Such as `{name}[crm]=42` or `{name}.crm=42`.",
            }
            for name in names
        ]
    }  # fmt: skip


def page(
    request: HttpRequest,
    rows: QuerySet[_M],
    query: PageQuery,
    orders: Orders,
    item_of: Callable[[_M], Schema],
    maps: Sequence[str] = (),
) -> HttpResponse:
    """Answer one page of a list; `maps` are fields whose entries are parameters. Raises Invalid.

    The items are objects of the answer's type. Given as such to ninja, each of them would be checked once more, which
    takes longer than to make it.
    """
    known = {field.alias or name for name, field in type(query).model_fields.items()}
    if unknown := sorted(name for name in request.GET if name not in known and re.split(r"[.\[]", name)[0] not in maps):
        raise Invalid(*(FieldError(name, "is not a parameter of this list") for name in unknown))
    column, descending = orders.parse(query.order)
    sign = "-" if descending else ""
    if query.cursor:
        rows = rows.filter(_after(rows.model, column, descending, query.cursor))
    found = list(rows.order_by(f"{sign}{column}", f"{sign}pk")[: query.limit + 1])
    shown = found[: query.limit]
    more = len(found) > query.limit
    items = [item_of(row).model_dump() for row in shown]
    return Response({"items": items, "next": _cursor(shown[-1], column) if more else None}, content_type=_JSON)


def _cursor(row: Model, column: str) -> str:
    text = json.dumps([column, getattr(row, column), row.pk], cls=_Exact)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


class _Exact(DjangoJSONEncoder):
    """Encoder that keeps microseconds."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if hasattr(o, "isoformat") else super().default(o)


def _after(model: type[Model], column: str, descending: bool, cursor: str) -> Q:
    """Return the condition for rows after the one that a cursor names. Raises Invalid."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        of_column, value, key = json.loads(text)
        if of_column != column or value is None:
            raise Invalid(_BAD_CURSOR)
        value = model._meta.get_field(column).to_python(value)  # type: ignore[union-attr]
        key = model._meta.pk.to_python(key)
    except (binascii.Error, ValueError, TypeError, ValidationError):
        raise Invalid(_BAD_CURSOR) from None
    direction = "lt" if descending else "gt"
    if column == model._meta.pk.name:
        return Q(**{f"pk__{direction}": key})
    return Q(**{f"{column}__{direction}": value}) | Q(**{column: value, f"pk__{direction}": key})
