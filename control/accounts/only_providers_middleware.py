"""Middleware that closes passwords, codes and passkeys where people sign in with a provider only."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from control.accounts.middleware import View
from control.configuration import current_configuration

_CLOSED = ("/accounts/login/code/", "/accounts/password/", "/accounts/2fa/webauthn/login/")
"""Beginnings of the paths of other ways to sign in."""


class OnlyProvidersMiddleware:
    """Leads to the sign-in page instead. The adapter refuses other sign-ins too, should a path be missing here."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if current_configuration().settings.oidc.only:
            login = reverse("account_login")
            if request.path.startswith(_CLOSED) or (request.path == login and request.method == "POST"):
                return HttpResponseRedirect(login)
        return self._get_response(request)
