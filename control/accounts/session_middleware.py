"""Middleware that ends sessions that nobody uses, and notes when, from where and by which browser one was used."""

from collections.abc import Callable
from datetime import timedelta

from allauth.usersessions.internal.usersessionkit import track_activity
from allauth.usersessions.models import UserSession
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from control.configuration import current_configuration

_INTERVAL = timedelta(minutes=1)
_QUERY = f"SELECT * FROM {UserSession._meta.db_table} WHERE session_key = %s"
_BY_ITSELF = "Clew-Refresh"
"""Header of requests that an open page makes by itself; they do not show that somebody is there."""


class SessionActivityMiddleware:
    """Notes it once a minute: a write for every page would make readers wait for writers on SQLite."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return self._get_response(request)
        last = _last_use(request)
        if last is not None and _is_idle(last):
            return self._ended(request, last)
        if _BY_ITSELF not in request.headers and not _is_fresh(request, last):
            track_activity(request, user=request.user, session=request.session)
        return self._get_response(request)

    def _ended(self, request: HttpRequest, last: UserSession) -> HttpResponse:
        """End the session, and lead to the sign-in page; the API answers 401 by itself."""
        logout(request)
        last.delete()
        if request.path.startswith("/api/"):
            return self._get_response(request)
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")


def _last_use(request: HttpRequest) -> UserSession | None:
    """Return the last note. Django takes four times as long to write a query as to ask it, so its text is fixed."""
    return next(iter(UserSession.objects.raw(_QUERY, [request.session.session_key])), None)


def _is_idle(last: UserSession) -> bool:
    idle_max = timedelta(seconds=current_configuration().settings.web.session_idle_max_s)
    return bool(timezone.now() - last.last_seen_at > idle_max)


def _is_fresh(request: HttpRequest, last: UserSession | None) -> bool:
    """Return whether the last note says the same and is recent."""
    return (
        last is not None
        and last.user_id == request.user.pk
        and last.user_agent == request.META.get("HTTP_USER_AGENT", "")
        and last.ip == (request.META.get("REMOTE_ADDR") or None)
        and bool(last.last_seen_at > timezone.now() - _INTERVAL)
    )
