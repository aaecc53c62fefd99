"""Middleware of views as another person: pages ask as that person, and nothing is changed."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from control.accounts.middleware import View, actor_of
from control.accounts.models import User
from control.accounts.view_as import end_viewing, view_in
from control.api.problems import problem

_SAFE = ("GET", "HEAD", "OPTIONS")
_OPEN = ("/accounts/view-as/end/", "/theme/")
_OWN_ACCOUNT = "/accounts/"
_SIGN_OUT = "/accounts/logout/"


@dataclass(frozen=True, slots=True)
class ViewAs:
    """View that is open, for the bar of pages."""

    user: User
    role: str
    until: datetime


class ViewAsMiddleware:
    """Replaces the actor of a request, and refuses writes and pages of the own account. Stands after OriginMiddleware.

    Audit events keep the person who looks. Keys are not views: they are read from the header, and act for themselves.
    """

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not isinstance(request.user, User) or "Authorization" in request.headers:
            return self._get_response(request)
        viewer = actor_of(request)
        if request.path == _SIGN_OUT and request.method == "POST":
            end_viewing(viewer, request.session, "signed out")
        found = view_in(viewer, request.session)
        if isinstance(found, str):
            end_viewing(viewer, request.session, found)
            messages.info(request, f"The view as another person has ended: {found}.")
            found = None
        if found is None or request.path in (*_OPEN, _SIGN_OUT):
            return self._get_response(request)
        seen, user, until = found
        request.view_as = ViewAs(user, _role_text(user), until)  # type: ignore[attr-defined]
        if request.method not in _SAFE or request.path.startswith(_OWN_ACCOUNT):
            return self._refused(request)
        request.actor = seen  # type: ignore[attr-defined]
        return self._get_response(request)

    @staticmethod
    def _refused(request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/"):
            return problem(request, 403, "you see this as another person; nothing can be changed until you leave")
        return render(request, "accounts/view_as_refused.html", status=403)


def _role_text(user: User) -> str:
    seat = None if user.role else user.seats.select_related("partner").order_by("created", "pk").first()
    return f"{seat.get_role_display()} of {seat.partner}" if seat is not None else str(user.get_role_display())
