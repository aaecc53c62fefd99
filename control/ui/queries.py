"""Queries of addresses: that of a page with some values changed."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.http import QueryDict


def changed_query(given: QueryDict, changes: Mapping[str, object]) -> str:
    """Return `?…` with some values changed; None removes one. Changed values come last."""
    kept = [(name, value) for name, values in given.lists() if name not in changes for value in values]
    return f"?{urlencode([*kept, *((name, str(value)) for name, value in changes.items() if value is not None)])}"
