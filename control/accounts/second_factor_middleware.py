"""Middleware that lets people whose role demands a second factor set it up, and nothing else until they have it."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from control.accounts.middleware import View
from control.accounts.models import User
from control.accounts.oidc.session import has_providers_second_factor
from control.accounts.second_factor import demanded_since, has_second_factor
from control.api.problems import problem

_OPEN = (
    "/accounts/second-factor/", "/accounts/2fa/", "/accounts/reauthenticate/", "/accounts/login/", "/accounts/logout/",
    "/theme/",
)  # fmt: skip
"""Beginnings of the paths that stay open: setting a second factor up, proving oneself for it, leaving."""


class SecondFactorMiddleware:
    """Sends people without a demanded second factor to the page that sets it up. Stands after OriginMiddleware."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        since = None if "Authorization" in request.headers else self._lacks_since(request)
        if since is None:
            return self._get_response(request)
        if timezone.now() < since:
            request.second_factor_due = since  # type: ignore[attr-defined]
            return self._get_response(request)
        if request.path.startswith(_OPEN):
            request.second_factor_missing = True  # type: ignore[attr-defined]
            return self._get_response(request)
        if request.path.startswith("/api/"):
            return problem(request, 403, "your role needs a second factor; set it up under /accounts/second-factor/")
        return HttpResponseRedirect(reverse("account_second_factor"))

    @staticmethod
    def _lacks_since(request: HttpRequest) -> datetime | None:
        user = request.user
        if not isinstance(user, User):
            return None
        since = demanded_since(user)
        if since is None or has_second_factor(user) or has_providers_second_factor(request, user):
            return None
        return since
