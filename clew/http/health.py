"""Application of a process that only answers probes."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.middleware import Middleware

from runtime.settings import HttpSettings
from tracker.http.probes import Probes, Readiness
from tracker.http.routes import AnyRequest, without_redirects

Check = Callable[[], Awaitable[str | None]]
"""Returns None if the process can do its work, otherwise one sentence that says why not."""


def probes_of(check: Check, settings: HttpSettings) -> Probes:
    """Make the probes of a process whose readiness is one check."""

    async def ready() -> Readiness:
        return Readiness(await check())

    return Probes(ready, settings.networks())


def health_app(check: Check, settings: HttpSettings) -> Starlette:
    """Make the application of a process that answers probes only."""
    return without_redirects(Starlette(routes=probes_of(check, settings).routes(), middleware=[Middleware(AnyRequest)]))
