"""Pages of the look itself: the choice of a theme, the page of all components."""

from typing import get_args

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from control.ui import guide
from control.ui.theme import COOKIE, COOKIE_AGE_S, Theme


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Keep the theme in a cookie and go back to the page."""
    theme = request.POST.get("theme", "")
    if theme not in get_args(Theme):
        return HttpResponseBadRequest("theme must be auto, light or dark")
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = "/"
    answer = HttpResponseRedirect(back)
    secure = request.is_secure()
    answer.set_cookie(COOKIE, theme, max_age=COOKIE_AGE_S, samesite="Lax", httponly=True, secure=secure)
    return answer


@require_GET
def components(request: HttpRequest) -> HttpResponse:
    """Show every component in all its states, or those of `?only=`; only where developers work."""
    if not guide.is_shown():
        raise Http404
    return render(
        request, "guide/components.html", guide.context(reverse("ui_components"), request.GET.getlist("only"))
    )


@require_GET
def portal_components(request: HttpRequest) -> HttpResponse:
    """Show the shell of the portal; only where developers work."""
    if not guide.is_shown():
        raise Http404
    return render(request, "guide/portal.html", guide.portal_context())
