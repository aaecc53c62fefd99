"""Form of requests to the API: their method, size and media type. What no endpoint reads is refused as a problem."""

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from control.api.merge_patch import MEDIA_TYPE
from control.api.problems import problem

_FILES = "multipart/form-data"
TAKEN = frozenset({"application/json", _FILES, "text/csv"})
"""Media types of all methods; PATCH takes that of merge patches too."""
_PREFIX = "/api/v1/"


class RequestFormMiddleware:
    """Answers 405 to another method; 413 and 415 before an endpoint reads the body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(_PREFIX):
            return self._get_response(request)
        size_bytes = _size_bytes(request)
        taken = TAKEN | {MEDIA_TYPE} if request.method == "PATCH" else TAKEN
        if size_bytes and request.content_type not in taken:
            given = request.content_type or "no media type"
            return problem(request, 415, f"the body has {given[:100]}; send application/json as Content-Type")
        limit_bytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if size_bytes > limit_bytes and request.content_type != _FILES:  # files have limits of their handlers
            return problem(request, 413, f"the body has {size_bytes} bytes; at most {limit_bytes} are read")
        return _as_problem(request, self._get_response(request))


def _size_bytes(request: HttpRequest) -> int:
    """Return the announced size of the body."""
    text = request.META.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isdecimal() else 0


def _as_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Replace the text that the framework answers to another method."""
    if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return response
    allowed = ", ".join(sorted(response["Allow"].split(", ")))
    answer = problem(request, 405, f"{request.method} is not possible here; use {allowed}")
    answer["Allow"] = allowed
    return answer
