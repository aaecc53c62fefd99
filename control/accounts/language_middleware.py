"""Middleware that chooses language and time zone of a page."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from control.accounts.languages import language_of, zone_of
from control.accounts.middleware import View
from control.accounts.models import User

_ENGLISH = ("/console/", "/api/")
"""Beginnings of paths whose texts are English for everybody, and whose times are UTC."""

_STYLE_GUIDE = "/console/components/"
"""Pages of the components, for developers, who look at them in both directions."""


class LanguageMiddleware:
    """Activates what the person has chosen; before sign-in, the language that the browser asks for.

    Operators who have chosen no language see English everywhere, because their console is English.
    """

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_english = request.path.startswith(_ENGLISH) and not request.path.startswith(_STYLE_GUIDE)
        user = request.user if not is_english and isinstance(request.user, User) else None
        zone = zone_of(user.time_zone if user is not None else "")
        with translation.override("en" if is_english else _language_of(request, user)), timezone.override(zone):
            request.LANGUAGE_CODE = translation.get_language()
            response = self._get_response(request)
            response.setdefault("Content-Language", translation.get_language())
        if not is_english and user is None:
            patch_vary_headers(response, ("Accept-Language",))
        return response


def _language_of(request: HttpRequest, user: User | None) -> str:
    if user is not None and (user.locale or user.is_operator):
        return language_of(user.locale)
    return translation.get_language_from_request(request)
