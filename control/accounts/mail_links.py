"""Absolute addresses of pages, for mails."""

from collections.abc import Callable

from django.http import HttpRequest
from django.urls import reverse

from control.configuration import current_configuration

LinkOf = Callable[[str], str]
"""Makes the absolute link of a token."""


def invitation_link(request: HttpRequest) -> LinkOf:
    """Return what makes the link of an invitation: at the public address if one is set, else at that of the request."""

    def link_of(token: str) -> str:
        path, base = reverse("accept_invitation", args=[token]), current_configuration().settings.web.url
        return f"{base}{path}" if base else request.build_absolute_uri(path)

    return link_of
