"""Pages about the mails and notifications of a person."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from control.accounts.middleware import actor_of
from control.accounts.models import User
from control.notifications.bounces import bounce_of
from control.notifications.kinds import CATEGORY_TEXTS
from control.notifications.preferences import change_preferences, preferences_of


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
