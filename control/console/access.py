"""Access to pages: each page names the right it needs, and gets the actor who asks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.errors import Forbidden, NotFound
from control.modules.config import ModuleConfig
from control.modules.states import ModuleOff, require_module_of

P = ParamSpec("P")
PageView = Callable[Concatenate[HttpRequest, Actor, P], HttpResponse]


@dataclass(frozen=True, slots=True)
class Right:
    """Right that a page needs; without an area, every operator may open it."""

    area: Area | None = None
    action: Action = Action.READ


def page(
    area: Area | None = None, action: Action = Action.READ
) -> Callable[[PageView[P]], Callable[..., HttpResponse]]:
    """Make a view a page of the console, for operators who have the right. It gets the actor as second argument."""

    def wrap(view: PageView[P]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            actor = operator_of(request)
            if actor is None or (area is not None and not actor.may(area, action)):
                raise PermissionDenied
            try:
                require_module_of(request)
                return view(request, actor, *arguments, **named)
            except Forbidden as error:
                raise PermissionDenied(str(error)) from None
            except ModuleOff as error:
                return module_off(request, actor, error.module)
            except NotFound as error:
                raise Http404(str(error)) from None

        guarded.right = Right(area, action)  # type: ignore[attr-defined]
        return guarded

    return wrap


def module_off(request: HttpRequest, actor: Actor, module: ModuleConfig) -> HttpResponse:
    """Say that the module of a page is off, to those who may switch it on with the way to do so."""
    context = {
        "title": f"{module.title} is off", "module": module, "may_switch": actor.may(Area.SETTINGS, Action.WRITE)
    }  # fmt: skip
    return render(request, "console/module_off.html", context, status=404)


def operator_of(request: HttpRequest) -> Actor | None:
    """Return the operator who asks; None for other people."""
    actor: Actor | None = getattr(request, "actor", None)
    return actor if actor is not None and actor.role is not None else None


def may(request: HttpRequest, area: Area, action: Action = Action.READ) -> bool:
    """Return whether the person who asks has a right; for the navigation."""
    actor = operator_of(request)
    return actor is not None and actor.may(area, action)
