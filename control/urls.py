"""URLs of pages and API."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import include, path, reverse


def start(request: HttpRequest) -> HttpResponse:
    """Send people to their part, or to the sign-in page."""
    return HttpResponseRedirect(reverse("account_login"))


urlpatterns = [
    path("", start),
    path("accounts/", include("allauth.urls")),
    path("", include("control.ui.urls")),
]
