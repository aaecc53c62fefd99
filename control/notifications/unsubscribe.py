"""Links that end the mails of a category with one click, without signing in (RFC 8058)."""

from dataclasses import dataclass
from uuid import UUID

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from control.accounts.middleware import actor_of
from control.accounts.models import User
from control.changes import changing
from control.notifications.kinds import CATEGORY_TEXTS, Category
from control.notifications.preferences import store_preference

_SALT = "unsubscribe"
_TOKEN_CHARS_MAX = 1_024


@dataclass(frozen=True, slots=True)
class Subscription:
    """Address, or person with an account, and category of mails."""

    email: str
    category: Category
    user: User | None = None


def token_of(email: str, user: User | None, category: str) -> str:
    """Return the token of a link. It names the person, so that it holds when the address changes."""
    key = {"u": str(user.pk)} if user is not None else {"e": email}
    return signing.dumps({**key, "c": str(category)}, salt=_SALT)


def subscription_of(token: str) -> Subscription | None:
    """Return what a token is about; None if it was not made here or its person is gone."""
    try:
        content = signing.loads(token, salt=_SALT) if len(token) <= _TOKEN_CHARS_MAX else {}
        category = Category(content["c"])
    except (signing.BadSignature, KeyError, ValueError):
        return None
    if "e" in content:
        return Subscription(content["e"], category)
    user = User.objects.filter(pk=UUID(content["u"])).first()
    return None if user is None else Subscription(user.email, category, user)


@csrf_exempt  # the token proves the right, and mail services send the request without a session
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show the choice with GET, which changes nothing because mail scanners open links; make it with POST."""
    found = subscription_of(token)
    if found is None:
        return render(request, "notifications/unsubscribe_closed.html", status=404)
    is_done = request.method == "POST"
    is_on = is_done and "resubscribe" in request.POST
    if is_done:
        with changing(actor_of(request), f"link in a mail to {found.email}"):
            store_preference(found.user, found.email, found.category, is_on)
    values = {"category": CATEGORY_TEXTS[found.category], "email": found.email, "is_done": is_done, "is_on": is_on}
    return render(request, "notifications/unsubscribe.html", values)
