"""Middleware that notes when a session was last used, from which address and browser."""

from collections.abc import Callable
from datetime import timedelta

from allauth.usersessions.internal.usersessionkit import track_activity
from allauth.usersessions.models import UserSession
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

_INTERVAL = timedelta(minutes=1)


class SessionActivityMiddleware:
    """Notes it once a minute: a write for every page would make readers wait for writers on SQLite."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and not _is_fresh(request):
            track_activity(request, user=request.user, session=request.session)
        return self._get_response(request)


def _is_fresh(request: HttpRequest) -> bool:
    """Return whether the last note says the same and is recent."""
    agent = request.META.get("HTTP_USER_AGENT", "")
    recent = UserSession.objects.filter(
        session_key=request.session.session_key, user_id=request.user.pk, user_agent=agent,
        ip=request.META.get("REMOTE_ADDR") or None, last_seen_at__gt=timezone.now() - _INTERVAL,
    )  # fmt: skip
    return bool(recent.exists())
