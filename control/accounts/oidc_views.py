"""Pages of signing in with a provider, and by a link of an administrator."""

from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.utils import get_next_redirect_url, perform_login
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from control.accounts.adapter import WAY
from control.accounts.identities import person_of, remove_own_identity
from control.accounts.middleware import actor_of
from control.accounts.models import User
from control.accounts.oidc.errors import AnswerRefused, ProviderUnavailable
from control.accounts.oidc.provider import Provider, find_provider
from control.accounts.oidc.session import note_provider
from control.accounts.oidc.sign_in import finish, start
from control.accounts.sign_in_links import person_of_link
from control.configuration import current_configuration
from control.errors import Forbidden, Refused
from runtime.logs import Throttled, logger

_log = Throttled(logger("oidc"))


@never_cache
@require_GET
def begin(request: HttpRequest, key: str) -> HttpResponse:
    """Send the browser to a provider."""
    provider = _provider(key)
    if (refusal := _too_many(request)) is not None:
        return refusal
    path = get_next_redirect_url(request) or ""
    try:
        address = start(provider, request.session, _redirect_uri(request, key), path, _now_s())
    except ProviderUnavailable as error:
        return _failed(request, provider, f"{error}. Try again in a moment.", 503)
    return HttpResponseRedirect(address)


@never_cache
@require_GET
def come_back(request: HttpRequest, key: str) -> HttpResponse:
    """Sign in the person who comes back from a provider."""
    provider = _provider(key)
    if (refusal := _too_many(request)) is not None:
        return refusal
    try:
        claimed, path = finish(provider, request.session, request.GET.dict(), _redirect_uri(request, key), _now_s())
        user = person_of(actor_of(request), provider, claimed)
    except ProviderUnavailable as error:
        return _failed(request, provider, f"{error}. Try again in a moment.", 503)
    except AnswerRefused as error:
        _log.warning("oidc_answer_refused", provider=key, error=str(error), request_id=actor_of(request).request_id)
        return _failed(request, provider, error.told, 400)
    except Refused as error:
        text = str(error)
        return _failed(
            request, provider, f"{text[:1].upper()}{text[1:]}.", 403 if isinstance(error, Forbidden) else 409
        )
    return _sign_in(request, user, key, path)


def _sign_in(request: HttpRequest, user: User, key: str, path: str) -> HttpResponse:
    if request.user.is_authenticated and request.user != user:
        get_adapter(request).logout(request)
    note_provider(request, user, key)
    answer: HttpResponse = perform_login(request, user, redirect_url=path or None, signal_kwargs={WAY: f"oidc:{key}"})
    return answer


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def use_link(request: HttpRequest, user_id: UUID, token: str) -> HttpResponse:
    """Ask before a link of an administrator is used; with POST, sign the person in."""
    if (refusal := _too_many(request)) is not None:
        return refusal
    user = person_of_link(user_id, token)
    if user is None:
        return render(request, "accounts/sign_in_link_closed.html", status=404)
    if request.method != "POST":
        return render(request, "accounts/sign_in_link.html", {"person": user})
    if request.user.is_authenticated and request.user != user:
        get_adapter(request).logout(request)
    answer: HttpResponse = perform_login(request, user, signal_kwargs={WAY: "link"})
    return answer


@login_required
@require_POST
def disconnect(request: HttpRequest, identity_id: UUID) -> HttpResponse:
    """Disconnect an identity of the person who asks."""
    user = request.user
    assert isinstance(user, User)
    try:
        remove_own_identity(actor_of(request), user, identity_id)
    except Refused as error:
        messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    else:
        messages.success(request, "The connection is removed.")
    return HttpResponseRedirect(reverse("account_profile"))


def _provider(key: str) -> Provider:
    provider = find_provider(key)
    if provider is None:
        raise Http404
    return provider


def _too_many(request: HttpRequest) -> HttpResponse | None:
    answer: HttpResponse | None = ratelimit.consume_or_429(request, action="oidc")
    return answer


def _redirect_uri(request: HttpRequest, key: str) -> str:
    path, base = reverse("account_oidc_callback", args=[key]), current_configuration().settings.web.url
    return f"{base}{path}" if base else request.build_absolute_uri(path)


def _now_s() -> int:
    return int(timezone.now().timestamp())


def _failed(request: HttpRequest, provider: Provider, text: str, status: int) -> HttpResponse:
    return render(request, "accounts/oidc_failed.html", {"provider": provider.name, "text": text}, status=status)
