"""Media types of requests to the API: bodies are JSON, or a form with a file where an endpoint takes one."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from control.api.problems import problem

TAKEN = frozenset({"application/json", "application/merge-patch+json", "multipart/form-data", "text/csv"})
_PREFIX = "/api/v1/"


class MediaTypeMiddleware:
    """Answers 415 to a body of another media type, before an endpoint reads it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_PREFIX) and _has_body(request) and request.content_type not in TAKEN:
            given = request.content_type or "no media type"
            return problem(request, 415, f"the body has {given[:100]}; send application/json as Content-Type")
        return self._get_response(request)


def _has_body(request: HttpRequest) -> bool:
    return request.META.get("CONTENT_LENGTH") not in (None, "", "0")
