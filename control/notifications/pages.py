"""Pages about the mails and notifications of a person."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from control.accounts.middleware import actor_of
from control.accounts.models import User
from control.notifications.bounces import bounce_of
from control.notifications.kinds import CATEGORY_TEXTS
from control.notifications.notices import mark_read, notifications_of
from control.notifications.preferences import change_preferences, preferences_of

ROWS_MAX = 100


class PreferencesForm(forms.Form):
    """A box for each category that a person can do without."""

    def __init__(self, user: User, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        for category, is_on in preferences_of(user).items():
            self.fields[str(category)] = forms.BooleanField(
                label=CATEGORY_TEXTS[category], required=False, initial=is_on
            )


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """Show a person's choice of mails; with POST, change it."""
    user = request.user
    assert isinstance(user, User)
    form = PreferencesForm(user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        change_preferences(actor_of(request), user, form.cleaned_data)
        messages.success(request, _("Your choice is saved."))
        return HttpResponseRedirect(reverse("account_mails"))
    return render(request, "notifications/preferences.html", {"form": form, "bounce": bounce_of(user.email)})


@login_required
@never_cache
@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    """Show the newest notifications of a person."""
    user = request.user
    assert isinstance(user, User)
    rows = list(notifications_of(user)[:ROWS_MAX])
    return render(
        request, "notifications/list.html", {"rows": rows, "has_unread": any(row.read is None for row in rows)}
    )


@login_required
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark all notifications of a person as read."""
    user = request.user
    assert isinstance(user, User)
    mark_read(user)
    return HttpResponseRedirect(reverse("notifications"))


@login_required
@require_POST
def open_one(request: HttpRequest, notification_id: int) -> HttpResponse:
    """Mark a notification as read, and go to the page that it is about."""
    user = request.user
    assert isinstance(user, User)
    found = mark_read(user, notification_id)
    if found is None:
        raise Http404
    return HttpResponseRedirect(found.link or reverse("notifications"))


@login_required
@never_cache
@require_safe
def bell_part(request: HttpRequest) -> HttpResponse:
    """Show the bell, for pages that stay open."""
    return render(request, "notifications/bell_part.html")
