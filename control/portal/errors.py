"""Pages of errors: in the layout of the portal for a partner's people there, else those of all pages."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from control.portal.access import partner_actor

_PORTAL = "/portal/"


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request for a page that does not exist, or not for this person."""
    return _page(request, "404.html", HTTPStatus.NOT_FOUND)


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request for a page that the role does not allow."""
    return _page(request, "403.html", HTTPStatus.FORBIDDEN)


def _page(request: HttpRequest, name: str, status: HTTPStatus) -> HttpResponse:
    in_portal = request.path.startswith(_PORTAL) and partner_actor(request) is not None
    return render(request, f"portal/{name}" if in_portal else name, status=status)
