"""Addresses of pages that stand many times on one page: each is worked out once.

Routes are fixed while a process runs, so an address never changes.
"""

from functools import lru_cache

from django.urls import reverse

_ADDRESSES_KEPT_MAX = 4_096


@lru_cache(maxsize=_ADDRESSES_KEPT_MAX)
def page_address(url_name: str, *arguments: str | int) -> str:
    """Return the address of a page by its name. Raises NoReverseMatch."""
    return reverse(url_name, args=arguments)
