"""Pages of the accounts that allauth does not have."""

import re

from allauth.account.utils import perform_login
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from control.accounts.forms import AcceptForm, ProfileForm
from control.accounts.identities import identities_of
from control.accounts.invitations import accept, accept_as, open_invitation
from control.accounts.middleware import actor_of
from control.accounts.models import Invitation, User
from control.accounts.oidc.session import has_providers_second_factor
from control.accounts.people import change_own_profile
from control.accounts.person_sessions import end_own_session
from control.accounts.second_factor import has_second_factor
from control.accounts.view_as import end_viewing
from control.configuration import current_configuration
from control.errors import Invalid, NotFound, Refused
from control.modules.states import is_page_on
from control.ui.moments import day_text


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Send operators to the console, partners' people to the portal, and others to the sign-in page."""
    if not request.user.is_authenticated:
        return HttpResponseRedirect(reverse("account_login"))
    if actor_of(request).is_operator:
        return HttpResponseRedirect(reverse("console_home"))
    return HttpResponseRedirect(reverse("portal_home" if has_portal() else "usersessions_list"))


def has_portal() -> bool:
    """Return whether this installation has the portal of partners, and it is on."""
    return is_page_on("portal_home")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show a person's own account; with POST, change name, language and time zone."""
    user = request.user
    assert isinstance(user, User)
    stored = {"name": user.name, "locale": user.locale, "time_zone": user.time_zone}
    form = ProfileForm(request.POST if request.method == "POST" else None, initial=stored)
    if form.is_valid():
        try:
            change_own_profile(actor_of(request), user, **form.cleaned_data)
        except Invalid as error:
            for mistake in error.errors:
                form.add_error(mistake.field if mistake.field in form.fields else None, mistake.message)
        else:
            with translation.override(form.cleaned_data["locale"] or translation.get_language()):
                messages.success(request, _("Your profile is saved."))
            return HttpResponseRedirect(reverse("account_profile"))
    seats = [(seat.partner.name, seat.get_role_display()) for seat in user.seats.select_related("partner")]
    facts = [
        (_("E-mail"), user.email), *([(_("Role"), user.get_role_display())] if user.role else []), *seats,
        (_("Second factor"), _second_factor(request, user)), (_("Member since"), day_text(user.created)),
    ]  # fmt: skip
    return render(request, "accounts/profile.html", {"form": form, "facts": facts, "identities": identities_of(user)})


def _second_factor(request: HttpRequest, user: User) -> str:
    if has_second_factor(user):
        return _("On")
    return _("By the provider of this sign-in") if has_providers_second_factor(request, user) else _("Off")


@login_required
@never_cache
@require_safe
def second_factor(request: HttpRequest) -> HttpResponse:
    """Say that the role needs a second factor, and lead to the pages that set one up."""
    if not getattr(request, "second_factor_missing", False):
        return HttpResponseRedirect(reverse("mfa_index"))
    return render(request, "accounts/second_factor.html")


@login_required
@require_POST
def end_view(request: HttpRequest) -> HttpResponse:
    """End the view as another person."""
    if end_viewing(actor_of(request), request.session, "left"):
        messages.success(request, _("You see the pages as yourself again."))
    return HttpResponseRedirect("/")


@login_required
@require_POST
def end_session(request: HttpRequest) -> HttpResponse:
    """End one of a person's own sessions."""
    text, user = request.POST.get("session", ""), request.user
    assert isinstance(user, User)
    try:
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise NotFound("choose a session of the list")
        end_own_session(actor_of(request), user, int(text))
    except NotFound:
        messages.error(request, _("There is no such session. Choose one of the list."))
    else:
        messages.success(request, _("The session is ended."))
    return HttpResponseRedirect(reverse("usersessions_list"))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show an invitation and take name and password, or give its role to the person who has signed in."""
    invitation = open_invitation(token)
    if invitation is None:
        return render(request, "accounts/invitation_closed.html", status=404)
    if User.objects.filter(email=invitation.email).exists():
        return _accept_as_known(request, token, invitation)
    only = current_configuration().settings.oidc.only
    form = None if only else AcceptForm(request.POST if request.method == "POST" else None)
    if form is not None and form.is_valid():
        values = form.cleaned_data
        try:
            user = accept(actor_of(request), token, values["name"], values["password"])
        except Invalid as error:
            for mistake in error.errors:
                form.add_error(mistake.field if mistake.field in form.fields else None, mistake.message)
        except Refused:
            return render(request, "accounts/invitation_closed.html", status=404)
        else:
            answer: HttpResponse = perform_login(request, user)
            return answer
    return render(request, "accounts/invitation.html", {"form": form, "invitation": invitation, "is_new": True})


def _accept_as_known(request: HttpRequest, token: str, invitation: Invitation) -> HttpResponse:
    """Let the owner of the address accept, after signing in."""
    user = request.user
    if not isinstance(user, User):
        return HttpResponseRedirect(f"{reverse('account_login')}?next={request.path}")
    if request.method == "POST":
        try:
            accept_as(actor_of(request), token, user)
        except Refused as error:
            return render(
                request, "accounts/invitation.html", {"invitation": invitation, "refusal": str(error)}, status=409
            )
        return HttpResponseRedirect("/")
    return render(request, "accounts/invitation.html", {"invitation": invitation})
