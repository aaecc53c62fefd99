"""Cursors and parameters of lists that the engine answers."""

import base64
import json
from typing import Any

from django.http import HttpRequest
from ninja import Schema

from control.errors import FieldError, Invalid

_OFFSET_MAX = 2**32 - 1
BAD_CURSOR = FieldError("cursor", "is not a cursor of this list; take the one in `next`, or leave it out")


def check_parameters(request: HttpRequest, query: Schema) -> None:
    """Refuse parameters that a list does not have. Raises Invalid."""
    known = {field.alias or name for name, field in type(query).model_fields.items()}
    if unknown := sorted(request.GET.keys() - known):
        raise Invalid(*(FieldError(name, "is not a parameter of this list") for name in unknown))


def cursor_of(place: object) -> str:
    """Write a place in a list as a cursor."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def place_of(cursor: str) -> Any:
    """Read a cursor. Raises Invalid."""
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise Invalid(BAD_CURSOR) from None


def offset_of(cursor: str) -> int:
    """Read the cursor of a list whose places are numbers. Raises Invalid."""
    place = place_of(cursor) if cursor else 0
    if not isinstance(place, int) or not 0 <= place <= _OFFSET_MAX:
        raise Invalid(BAD_CURSOR)
    return int(place)
