"""Access to pages of the portal: each page names the right it needs, and gets the actor of the partner."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.errors import Forbidden, NotFound
from control.modules.states import require_module_of, require_on
from control.partners.models import Partner

P = ParamSpec("P")
PageView = Callable[Concatenate[HttpRequest, Actor, P], HttpResponse]
MODULE = "portal"


@dataclass(frozen=True, slots=True)
class Right:
    """Right that a page needs; without an area, all of a partner's people may open it."""

    area: Area | None = None
    action: Action = Action.READ


def portal_page(
    area: Area | None = None, action: Action = Action.READ
) -> Callable[[PageView[P]], Callable[..., HttpResponse]]:
    """Make a view a page of the portal, for a partner's people who have the right. It gets the actor second.

    Operators are sent to the console: they see the portal only as one of a partner's people.
    """

    def wrap(view: PageView[P]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            actor = partner_actor(request)
            if actor is None:
                return _not_a_partner(request)
            if area is not None and not actor.may(area, action):
                raise PermissionDenied
            try:
                require_on(MODULE)
                require_module_of(request)
                return view(request, actor, *arguments, **named)
            except Forbidden as error:
                raise PermissionDenied(str(error)) from None
            except NotFound as error:
                raise Http404(str(error)) from None

        guarded.right = Right(area, action)  # type: ignore[attr-defined]
        return guarded

    return wrap


def _not_a_partner(request: HttpRequest) -> HttpResponse:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if actor.role is None or request.method != "GET":
        raise PermissionDenied
    return HttpResponseRedirect(reverse("console_home"))


def partner_actor(request: HttpRequest) -> Actor | None:
    """Return the person of a partner who asks; None for other people."""
    actor: Actor | None = getattr(request, "actor", None)
    return actor if actor is not None and actor.partner is not None else None


def may(request: HttpRequest, area: Area, action: Action = Action.READ) -> bool:
    """Return whether the person who asks has a right for the partner; for the navigation."""
    actor = partner_actor(request)
    return actor is not None and actor.may(area, action)


def own_partner(actor: Actor) -> Partner:
    """Return the partner for which the actor acts."""
    assert actor.partner is not None
    return Partner.objects.get(number=actor.partner)
