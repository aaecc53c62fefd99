"""Authentication: an API key, or the session of a person."""

from dataclasses import replace

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import APIKeyCookie, HttpBearer

from control.accounts.actor import Actor
from control.accounts.keys import actor_of_key
from control.accounts.middleware import actor_of
from control.api.rate_limit import RateLimiter, TooManyRequests
from control.configuration import current_configuration
from control.modules.states import require_module_of
from runtime.clock import SystemClock

_clock, _limiter = SystemClock(), RateLimiter()


class BearerKey(HttpBearer):
    """`Authorization: Bearer KEY`."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        actor = actor_of_key(token, timezone.now())
        if actor is None:
            return None
        web = current_configuration().settings.web
        wait_s = _limiter.take(
            actor.id, _clock.monotonic_s(), per_s=web.api_key_requests_per_s, burst=web.api_key_burst_requests
        )
        if wait_s:
            raise TooManyRequests(wait_s)
        before = actor_of(request)
        request.actor = replace(actor, request_id=before.request_id, address=before.address)  # type: ignore[attr-defined]
        require_module_of(request)
        return actor_of(request)


class PersonSession(APIKeyCookie):
    """Session of a person, for scripts of the pages; changes need the CSRF token too."""

    param_name = settings.SESSION_COOKIE_NAME

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor | None:
        if not request.user.is_authenticated or "Authorization" in request.headers:
            return None
        require_module_of(request)
        return actor_of(request)
