"""Codes of links."""

import secrets
from collections.abc import Collection

from django.db import connection
from django.db.models import Q

from control.program.models import Link

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""Letters and digits without those that people confuse: 0 and O, I and l."""
CODE_CHARS = 7
RESERVED = frozenset(
    {"accounts", "admin", "api", "apply", "assets", "c", "console", "favicon.ico", "healthz", "help", "i", "login"}
    | {"logout", "metrics", "portal", "postback", "readyz", "robots.txt", "static", "support", "v1", "www"}
)
"""Words that a person may not choose, in upper or lower case: a visitor could take the link for a page of Clew."""

_LAST_CHARACTER = "\U0010ffff"


def codes_beginning_with(text: str) -> Q:
    """Return the condition of links whose code begins with a text, in the form that uses the index of codes.

    LIKE ignores case on SQLite, so no index helps it. A range depends on the collation on PostgreSQL, which has an
    index for LIKE.
    """
    if connection.vendor == "sqlite":
        return Q(code__gte=text, code__lt=text + _LAST_CHARACTER)
    return Q(code__startswith=text)


def new_codes(count: int, taken: Collection[str] = ()) -> list[str]:
    """Return random codes that no link has."""
    found: list[str] = []
    while len(found) < count:
        made = {_code() for _ in range(count - len(found))} - {*found, *taken}
        used = set(Link.objects.filter(code__in=made).values_list("code", flat=True))
        found += sorted(code for code in made - used if code.lower() not in RESERVED)
    return found


def _code() -> str:
    return "".join(secrets.choice(BASE58) for _ in range(CODE_CHARS))
