"""Profile of the partner."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.forms.base import add_refusal, check_answer, is_check
from control.console.forms.page import posted
from control.errors import Refused
from control.partners.services import PROFILE, change_partner
from control.portal.access import own_partner, portal_page
from control.portal.forms import ProfileForm


@portal_page(Area.PARTNERS)
def profile(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the profile; owners and administrators change it."""
    partner = own_partner(actor)
    may_write = actor.may(Area.PARTNERS, Action.WRITE)
    form = ProfileForm(posted(request), initial={name: getattr(partner, name) for name in PROFILE})
    if request.method == "POST":
        actor.require(Area.PARTNERS, Action.WRITE)
        if is_check(request):
            return check_answer(request, form)
        if form.is_valid():
            try:
                change_partner(actor, partner.number, form.cleaned_data)
            except Refused as error:
                add_refusal(form, error)
            else:
                messages.success(request, _("The profile is saved."))
                return HttpResponseRedirect(reverse("portal_profile"))
    facts = [(form.fields[name].label, form[name].value()) for name in form.fields]
    shown = [(label, ", ".join(value) if isinstance(value, list) else value) for label, value in facts]
    return render(request, "portal/profile.html", {"form": form, "may_write": may_write, "facts": shown})
