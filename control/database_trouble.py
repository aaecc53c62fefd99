"""Trouble of the database that passes: it is busy, full or away. Mistakes in statements are none."""

import sqlite3
from collections.abc import Callable
from http import HTTPStatus

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from runtime.logs import Throttled, logger

_log = Throttled(logger("web"))
SENTENCE = "the database does not answer now; nothing was changed, try again"
RETRY_AFTER_S = 5
_PASSING = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")


def passes(error: Exception) -> bool:
    """Return whether an error is trouble that may pass. SQLite has one class for it and for wrong statements."""
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return str(getattr(cause, "sqlite_errorname", "")).startswith(_PASSING)
    return True


def note(error: Exception, path: str) -> None:
    """Log the trouble, repeated ones once a second."""
    _log.error("database_unavailable", error=str(error)[:300], path=path)


class DatabaseTroubleMiddleware:
    """Answers a page whose database is busy or away with 503 and the way out, instead of an unexpected error."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not passes(error):
            return None
        note(error, request.path)
        answer = render(request, "503.html", status=HTTPStatus.SERVICE_UNAVAILABLE)
        answer["Retry-After"] = str(RETRY_AFTER_S)
        return answer
