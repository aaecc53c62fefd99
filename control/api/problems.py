"""Errors as RFC 9457 problems: all mistakes of a request at once, each with its field."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import SuspiciousOperation
from django.db import DataError, IntegrityError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import Field

from control import database_trouble
from control.api.rate_limit import TooManyRequests
from control.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
    plain_message,
)
from runtime.logs import Throttled, logger

_log = Throttled(logger("api"))
CONTENT_TYPE = "application/problem+json"
_STATUS: dict[type[Refused], int] = {
    Invalid: 422, Conflict: 409, Unauthenticated: 401, Forbidden: 403, NotFound: 404, Unavailable: 503,
}  # fmt: skip
_PARTS_OF_REQUEST = frozenset({"body", "query", "path", "header"})


class PreconditionFailed(Refused):
    """The object is not the one that If-Match names (412)."""


_STATUS[PreconditionFailed] = 412


class ProblemError(Schema):
    """One mistake."""

    field: str = Field(description="Field of the request; empty if the mistake is not in one field.")
    message: str


class Problem(Schema):
    """Error of a request."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[ProblemError] = Field(default_factory=list)
    request_id: str = Field("", description="Id of the request in logs and audit trail.")


def problem(request: HttpRequest, status: int, detail: str, errors: Iterable[FieldError] = ()) -> HttpResponse:
    """Return an error as the answer to a request."""
    actor = getattr(request, "actor", None)
    content = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail,
        errors=[ProblemError(field=error.field, message=error.message) for error in errors],
        request_id=actor.request_id if actor is not None else "",
    )  # fmt: skip
    answer = HttpResponse(orjson.dumps(content.model_dump()), status=status, content_type=CONTENT_TYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        answer["WWW-Authenticate"] = 'Bearer realm="clew"'
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer["Retry-After"] = str(database_trouble.RETRY_AFTER_S)
    return answer


def handle_errors(api: NinjaAPI) -> None:
    """Answer every error of an API as a problem."""
    handlers: dict[type[Exception], Any] = {
        Refused: _refused,
        ValidationError: _invalid,
        AuthenticationError: _unauthenticated,
        Http404: _not_found,
        HttpError: _http_error,
        SuspiciousOperation: _malformed,
        IntegrityError: _integrity,
        DataError: _not_storable,
        OperationalError: _database,
        OverflowError: _not_storable,
        UnicodeError: _not_storable,
        Exception: _unexpected,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def _refused(request: HttpRequest, error: Refused) -> HttpResponse:
    if isinstance(error, TooManyRequests):
        answer = problem(request, 429, str(error))
        answer["Retry-After"] = str(error.retry_after_s)
        return answer
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 409)
    return problem(request, status, str(error), error.errors if isinstance(error, Invalid) else ())


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [FieldError(_field(mistake["loc"]), plain_message(str(mistake["msg"]))) for mistake in error.errors]
    return problem(request, 422, "; ".join(map(str, errors)), errors)


def _field(place: Iterable[object]) -> str:
    """Return the field's name: without the part of the request and the name of the parameter that holds the body."""
    words = [str(word) for word in place]
    if words and words[0] in _PARTS_OF_REQUEST:
        words = words[1:] if words[0] != "body" else words[2:]
    words = [word for word in words if not word.startswith("(")]  # kinds of bodies, such as `(items)`
    text = "".join(f"[{word}]" if word.isdigit() else f".{word}" for word in words)
    return text.removeprefix(".")


def _unauthenticated(request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    return problem(request, 401, "send the header Authorization: Bearer KEY with a key in force")


def _not_found(request: HttpRequest, _error: Http404) -> HttpResponse:
    return problem(request, 404, "there is no such object")


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return problem(request, 422, "the body is not JSON", [FieldError("", "is not JSON")])
    return problem(request, error.status_code, str(error))


def _malformed(request: HttpRequest, _error: SuspiciousOperation) -> HttpResponse:
    """Answer for a request that Django does not read, such as one with more than a thousand parameters."""
    detail = "the request has too many parameters or fields, or a part of it is not well-formed"
    return problem(request, 422, detail, [FieldError("", detail)])


def _integrity(request: HttpRequest, error: IntegrityError) -> HttpResponse:
    _log.warning("integrity", error=str(error)[:300])
    return problem(request, 409, "another change came first; read the object again and repeat")


def _database(request: HttpRequest, error: OperationalError) -> HttpResponse:
    if not database_trouble.passes(error):
        return _unexpected(request, error)
    database_trouble.note(error, request.path)
    return problem(request, 503, database_trouble.SENTENCE)


def _not_storable(request: HttpRequest, _error: Exception) -> HttpResponse:
    """Answer for a value that passes the checks of its field and that the database cannot hold."""
    detail = "a value cannot be stored: a number is too large, or a text holds NUL or half a character"
    return problem(request, 422, detail, [FieldError("", detail)])


def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    _log.exception("api_error", error=type(error).__name__, path=request.path)
    return problem(request, 500, "unexpected error; the log has it under this request id")
