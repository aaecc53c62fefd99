"""People of the partner: who they are, their roles, invitations."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from control.accounts.actor import Actor
from control.accounts.invitations import in_state, invitations, invite, revoke_invitation
from control.accounts.mail_links import invitation_link
from control.accounts.models import InvitationState
from control.accounts.roles import Action, Area, PartnerRole
from control.accounts.seats import change_seat, remove_seat, seats
from control.console.forms.base import add_refusal
from control.console.forms.page import posted
from control.errors import NotFound, Refused
from control.portal.access import portal_page
from control.portal.forms import InviteForm
from control.ui.moments import day_text

_INVITATIONS_SHOWN_MAX = 50


def role_texts() -> dict[str, str]:
    """Return the roles, each with what it may do."""
    return {
        PartnerRole.OWNER: _("Owner: everything"),
        PartnerRole.ADMIN: _("Administrator: everything but owners and payment data"),
        PartnerRole.FINANCE: _("Finance: figures and payment data"),
        PartnerRole.MEMBER: _("Member: links and figures"),
        PartnerRole.READ_ONLY: _("Read-only: looks at links and figures"),
    }


def _roles_to_give(actor: Actor) -> list[tuple[str, str]]:
    return [
        (str(role), text) for role, text in role_texts().items()
        if role != PartnerRole.OWNER or actor.partner_role is PartnerRole.OWNER
    ]  # fmt: skip


@portal_page(Area.PEOPLE)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List people and open invitations; with POST, invite somebody."""
    may_write = actor.may(Area.PEOPLE, Action.WRITE)
    form = InviteForm(_roles_to_give(actor), posted(request), initial={"role": PartnerRole.MEMBER})
    if request.method == "POST":
        actor.require(Area.PEOPLE, Action.WRITE)
        if "revoke" in request.POST:
            return _revoke(request, actor)
        if form.is_valid():
            values = form.cleaned_data
            try:
                invite(actor, values["email"], values["role"], actor.partner, invitation_link(request))
            except Refused as error:
                add_refusal(form, error)
            else:
                messages.success(request, _("The invitation to %(email)s is sent.") % {"email": values["email"]})
                return HttpResponseRedirect(reverse("portal_people"))
    waiting = in_state(invitations(actor), InvitationState.OPEN).order_by("-created")[:_INVITATIONS_SHOWN_MAX]
    context = {
        "people": [
            {"seat": seat, "role": role_texts()[seat.role].partition(":")[0], "is_self": str(seat.user_id) == actor.id}
            for seat in seats(actor)
        ],
        "waiting": [
            {"id": one.pk, "email": one.email, "role": role_texts()[one.role].partition(":")[0],
             "until": day_text(one.expires)}
            for one in waiting
        ],
        "form": form, "may_write": may_write,
    }  # fmt: skip
    return render(request, "portal/people.html", context)


def _revoke(request: HttpRequest, actor: Actor) -> HttpResponse:
    try:
        revoke_invitation(actor, UUID(request.POST.get("revoke", "")))
    except ValueError:
        raise NotFound("there is no such invitation") from None
    except Refused as error:
        messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    else:
        messages.success(request, _("The invitation is withdrawn."))
    return HttpResponseRedirect(reverse("portal_people"))


@portal_page(Area.PEOPLE, Action.WRITE)
def person(request: HttpRequest, actor: Actor, seat_id: UUID) -> HttpResponse:
    """Change the role of a person, or remove the person."""
    seat = seats(actor).filter(pk=seat_id).first()
    if seat is None:
        raise NotFound(f"there is no person {seat_id}")
    if request.method == "POST":
        try:
            if "remove" in request.POST:
                remove_seat(actor, seat_id)
                text = _("%(person)s does not belong to your account any more.")
            else:
                change_seat(actor, seat_id, request.POST.get("role", ""))
                text = _("%(person)s has the new role.")
        except Refused as error:
            if isinstance(error, NotFound):
                raise
            messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
        else:
            messages.success(request, text % {"person": seat.user})
        return HttpResponseRedirect(reverse("portal_people"))
    return render(request, "portal/person.html", {"seat": seat, "roles": _roles_to_give(actor)})
