"""The control plane as one ASGI application: Starlette for probes and static files, Django in threads for the rest.

Threads, because Django's own ASGI handler starts a thread and opens a database connection for each request.
"""

from collections.abc import Sequence
from typing import cast

from a2wsgi import WSGIMiddleware
from django.urls import get_resolver
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from control.middleware import AnswerFigures, ForwardedAddress, SafeHeaders
from control.ui.paths import STATIC_FOLDER
from control.ui.static_files import serve_built_file
from control.wsgi import wsgi_application
from runtime.clock import Clock
from runtime.collector import no_collections
from runtime.control_settings import WebSettings

# allauth brings the scripts of passkeys, ninja those of the page of the API.
_LIBRARIES: list[str | tuple[str, str]] = [
    ("ninja", "static"),
    ("allauth", "mfa/static"),
    ("allauth", "account/static"),
]


def create_app(
    probes: Sequence[BaseRoute], settings: WebSettings, clock: Clock, feed: Sequence[BaseRoute] = ()
) -> Starlette:
    """Make the application; the caller brings the routes of the probes, and of the program's followers."""
    with no_collections():
        get_resolver().url_patterns  # noqa: B018 - imports all pages, or the first visitor would wait for it
    pages = cast(ASGIApp, WSGIMiddleware(wsgi_application(), workers=settings.threads_max))
    return Starlette(
        routes=[
            *probes,
            *feed,
            Mount("/static/ui", serve_built_file),
            Mount("/static", StaticFiles(directory=STATIC_FOLDER, packages=_LIBRARIES, check_dir=False)),
            Mount("/", pages),
        ],
        middleware=[
            Middleware(AnswerFigures, clock=clock),
            Middleware(ForwardedAddress, proxies=settings.proxies()),
            Middleware(SafeHeaders, https=settings.url.startswith("https://")),
        ],
    )
