"""Routes: the part of a program that decides the answers of an edge. They change often and no price depends on them."""

import msgspec

from program.entries import Link, Status


class OfferRoute(msgspec.Struct, frozen=True, kw_only=True):
    landing_url: str
    status: Status = "active"
    allowed_hosts: tuple[str, ...] = ()
    """Hosts of deep links in lower case; `*.shop.example` is any subdomain. The landing host is always allowed."""
    pass_through: bool = False
    """True if unknown query parameters of a click are passed on to the landing page."""


class Routes(msgspec.Struct, frozen=True, kw_only=True):
    fallback_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    partners: dict[int, Status] = {}
    offers: dict[int, OfferRoute] = {}
    links: dict[str, Link] = {}


NO_ROUTES = Routes()
"""Routes of a process that answers no visitors."""
