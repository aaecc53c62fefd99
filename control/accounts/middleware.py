"""Middleware that says who a request comes from, for rights and for the audit trail."""

import re
import secrets
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from control.accounts.actor import Actor
from control.accounts.models import Seat, User
from control.accounts.roles import PartnerRole, Role
from control.audit.origin import ActorKind, acting
from runtime.logs import Throttled, logger

_log = Throttled(logger("web"))
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")
PARTNER_OF_SESSION = "partner"
"""Name in the session of the partner that a person of several partners has chosen."""

View = Callable[[HttpRequest], HttpResponse]


class OriginMiddleware:
    """Attributes all changes of a request to its person. Stands after the middleware of sessions and sign-in."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        actor = actor_of_session(request)
        request.actor = actor  # type: ignore[attr-defined]
        with acting(actor):
            response = self._get_response(request)
        response.setdefault("X-Request-ID", actor.request_id)
        return response


class PrivateAnswersMiddleware:
    """Keeps answers to people and keys out of every cache, and logs those that were refused for lack of rights."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response.setdefault("Cache-Control", "no-store")
        if response.status_code == HTTPStatus.FORBIDDEN:
            _log_refusal(request)
        return response


def _log_refusal(request: HttpRequest) -> None:
    """Log by the name of the view: a path may hold a secret, such as that of an invitation."""
    actor, match = actor_of(request), request.resolver_match
    _log.warning(
        "refused", view=(match.view_name if match is not None else ""), method=request.method, kind=actor.kind,
        actor=actor.id, request_id=actor.request_id, address=actor.address,
    )  # fmt: skip


def actor_of(request: HttpRequest) -> Actor:
    """Return the actor of a request."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def actor_of_session(request: HttpRequest) -> Actor:
    """Return the person who has signed in, or an actor without rights."""
    given = request.headers.get("X-Request-ID", "")
    request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    address = str(request.META.get("REMOTE_ADDR", ""))[:64]
    user = getattr(request, "user", None)
    if not isinstance(user, User) or not user.is_active:
        return Actor(ActorKind.PERSON, request_id=request_id, address=address)
    role = Role(user.role) if user.role else None
    seat = None if role is not None else _seat(user, request.session.get(PARTNER_OF_SESSION))
    return Actor(
        ActorKind.PERSON, str(user.pk), str(user), request_id, address, role=role,
        partner=seat.partner_id if seat is not None else None,
        partner_role=PartnerRole(seat.role) if seat is not None else None,
    )  # fmt: skip


def _seat(user: User, chosen: object) -> Seat | None:
    """Return the seat at the chosen partner, or the first one; None for a person without one."""
    seats = list(user.seats.order_by("created", "pk"))
    return next((seat for seat in seats if seat.partner_id == chosen), seats[0] if seats else None)
