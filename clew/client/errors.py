"""Errors of the client."""

import msgspec


class ClewError(Exception):
    """Every error of the client."""


class Unreachable(ClewError):
    """The server gave no answer; the change may have been made."""


class FieldError(msgspec.Struct, frozen=True):
    """Mistake in one field of a request."""

    field: str
    message: str


class ApiError(ClewError):
    """The server refused a request."""

    def __init__(self, status: int, detail: str, errors: tuple[FieldError, ...] = (), request_id: str = "") -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.errors = errors
        self.request_id = request_id
        """Id of the request in the logs and in the audit trail."""


class Unauthenticated(ApiError):
    """The key is missing, wrong or revoked (401)."""


class Forbidden(ApiError):
    """The key does not allow this (403)."""


class NotFound(ApiError):
    """There is no such object, or the key may not see it (404)."""


class Conflict(ApiError):
    """The state of the object does not allow this (409)."""


class PreconditionFailed(ApiError):
    """The object has changed since it was read (412)."""


class Invalid(ApiError):
    """The request has mistakes; `errors` names their fields (422)."""


class TooManyRequests(ApiError):
    """There were too many requests, in each attempt (429)."""


class ServerError(ApiError):
    """The server failed or was not available, in each attempt (500 and above)."""


_OF_STATUS: dict[int, type[ApiError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    422: Invalid,
    429: TooManyRequests,
}
_TEXT_CHARS_MAX = 300


class _Problem(msgspec.Struct):
    """Content of an error, as RFC 9457 defines it."""

    detail: str
    errors: list[FieldError] = []
    request_id: str = ""


def error_of(status: int, content: bytes) -> ApiError:
    """Return the error that an answer describes. A proxy's answer need not be a problem document."""
    kind = _OF_STATUS.get(status, ServerError if status >= 500 else ApiError)
    try:
        problem = msgspec.json.decode(content, type=_Problem)
    except msgspec.DecodeError:
        return kind(status, content.decode(errors="replace")[:_TEXT_CHARS_MAX] or "the answer is empty")
    return kind(status, problem.detail, tuple(problem.errors), problem.request_id)
