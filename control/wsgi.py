"""WSGI application of Django's pages and API."""

from typing import TYPE_CHECKING

from django.core.handlers.wsgi import WSGIHandler

if TYPE_CHECKING:
    from a2wsgi.wsgi_typing import WSGIApp


def wsgi_application() -> "WSGIApp":
    """Make the application; Django must have been started."""
    return WSGIHandler()  # type: ignore[return-value]
