"""Python client of the API of the control plane, for scripts and services: `Client`, and `AsyncClient` for asyncio.

    with Client("https://partners.acme.example", key) as clew:
        offer = clew.offers.create(name="Shoes")
        for partner in clew.partners.list(status="active"):
            clew.links.create(items=[{"offer": offer.id, "partner": partner.id}])

It needs httpx and msgspec, no Django and no engine. The folder `resources` is generated from the OpenAPI document:
after a change of an endpoint run `make docs` (or `python -m tools.client_code`), and the method is there. A test of
conventions fails until that was done.
"""

from clew.client.api import AsyncClient, Client
from clew.client.errors import (
    ApiError,
    ClewError,
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    ServerError,
    TooManyRequests,
    Unauthenticated,
    Unreachable,
)
from clew.client.webhooks import BadSignature, verify_webhook

__all__ = [
    "Client",
    "AsyncClient",
    "ClewError",
    "ApiError",
    "FieldError",
    "Unauthenticated",
    "Forbidden",
    "NotFound",
    "Conflict",
    "PreconditionFailed",
    "Invalid",
    "TooManyRequests",
    "ServerError",
    "Unreachable",
    "verify_webhook",
    "BadSignature",
]
