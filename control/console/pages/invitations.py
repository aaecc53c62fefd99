"""Pages of invitations: people who get a link by mail."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.invitations import invitations, invite, resend_invitation, revoke_invitation
from control.accounts.mail_links import invitation_link
from control.accounts.models import Invitation, InvitationState
from control.accounts.roles import Action, Area
from control.audit.selectors import history_of
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.console.forms.people import InviteForm, InvitePartnerForm
from control.console.history import timeline
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, Filter, ListColumn, ListSpec
from control.errors import NotFound, Refused
from control.partners.selectors import partner as find_partner
from control.ui.moments import minute_text
from control.ui.table import Cell, Tone

_HISTORY_ROWS = 50
_TONES: dict[InvitationState, Tone] = {
    InvitationState.OPEN: "info",
    InvitationState.ACCEPTED: "good",
    InvitationState.REVOKED: "neutral",
    InvitationState.EXPIRED: "warn",
}


def _columns(_actor: Actor) -> Sequence[ListColumn[Invitation]]:
    return [
        ListColumn[Invitation](
            "email", "E-mail", lambda row: Cell(row.email, href=reverse("console_invitation", args=[row.pk])),
            ("email",),
        ),
        ListColumn[Invitation]("role", "Role", lambda row: row.role_text, ("role",)),
        ListColumn[Invitation]("partner", "Partner", lambda row: str(row.partner or "")),
        ListColumn[Invitation]("state", "State", lambda row: Cell(row.state.label, badge=_TONES[row.state])),
        ListColumn[Invitation](
            "expires", "Expires", lambda row: minute_text(row.expires), ("expires",),
            descending_first=True,
        ),
        ListColumn[Invitation]("invited_by", "Invited by", lambda row: row.invited_by, ("invited_by",)),
        ListColumn[Invitation](
            "created", "Invited", lambda row: minute_text(row.created), ("created",),
            descending_first=True, shown=False,
        ),
    ]  # fmt: skip


def _in_state(rows: QuerySet[Invitation], value: str) -> QuerySet[Invitation]:
    if value == InvitationState.ACCEPTED:
        return rows.exclude(accepted=None)
    if value == InvitationState.REVOKED:
        return rows.filter(accepted=None).exclude(revoked=None)
    unanswered, now = rows.filter(accepted=None, revoked=None), timezone.now()
    return (
        unanswered.filter(expires__lte=now) if value == InvitationState.EXPIRED else unanswered.filter(expires__gt=now)
    )


INVITATIONS: ListSpec[Invitation] = ListSpec(
    key="invitations", title="Invitations", noun="invitation", nouns="invitations", url_name="console_invitations",
    rows=lambda actor: invitations(actor).select_related("partner"), columns=_columns, order="-created",
    text="Each is a link by e-mail that works once, until it expires.",
    empty=Empty(
        "No invitations yet", "Invite the people who run the program. They set their own password.", "mail",
        "Invite a person", "console_invite",
    ),
    search=lambda _actor, rows, text: rows.filter(email__icontains=text), search_label="Search by e-mail",
    filters=(Filter("state", "State", _in_state, lambda _: InvitationState.choices),),
)  # fmt: skip


def crumbs() -> list[tuple[str, str]]:
    """Return the way to the pages of people."""
    return [("Settings", reverse("console_settings")), ("People", reverse("console_people"))]


@page(Area.PEOPLE)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List invitations."""
    return list_page(request, actor, INVITATIONS, can_add=actor.may(Area.PEOPLE, Action.WRITE), crumbs=crumbs())


@page(Area.PEOPLE, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Invite an operator."""
    form = InviteForm(actor, posted(request))

    def save() -> tuple[str, str]:
        values = form.cleaned_data
        made = invite(actor, values["email"], values["role"], None, invitation_link(request))
        return f"The invitation for {made.email} is on its way.", reverse("console_invitations")

    return form_page(
        request, form, save, title="Invite a person", text="The person gets a link by e-mail and sets a password.",
        submit="Send invitation", crumbs=crumbs(),
    )  # fmt: skip


@page(Area.PEOPLE, Action.WRITE)
def new_of_partner(request: HttpRequest, actor: Actor, number: int) -> HttpResponse:
    """Invite a person of a partner."""
    partner = find_partner(actor, number)
    form, address = InvitePartnerForm(posted(request)), reverse("console_partner", args=[number])

    def save() -> tuple[str, str]:
        values = form.cleaned_data
        made = invite(actor, values["email"], values["role"], number, invitation_link(request))
        return f"The invitation for {made.email} is on its way.", address

    return form_page(
        request, form, save, title=f"Invite a person of {partner}", submit="Send invitation",
        text="The person gets a link by e-mail, sets a password, and sees the data of this partner only.",
        crumbs=[("Partners", reverse("console_partners")), (partner.name, address)],
    )  # fmt: skip


@page(Area.PEOPLE)
def show(request: HttpRequest, actor: Actor, invitation_id: UUID) -> HttpResponse:
    """Show an invitation; with POST, send a new link or withdraw it."""
    row = invitations(actor).select_related("partner").filter(pk=invitation_id).first()
    if row is None:
        raise NotFound(f"there is no invitation {invitation_id}")
    if request.method == "POST":
        return _changed(request, actor, row)
    is_unanswered = row.state in (InvitationState.OPEN, InvitationState.EXPIRED)
    context = {
        "title": row.email, "crumbs": [*crumbs(), ("Invitations", reverse("console_invitations"))],
        "state": Cell(row.state.label, badge=_TONES[row.state]),
        "facts": [
            ("E-mail", row.email), ("Role", row.role_text), *([("Partner", row.partner)] if row.partner else []),
            ("Invited by", row.invited_by), ("Invited", minute_text(row.created)),
            ("Expires", minute_text(row.expires)),
            ("Accepted", minute_text(row.accepted) if row.accepted else ""),
        ],
        "may_change": is_unanswered and actor.may(Area.PEOPLE, Action.WRITE),
        "items": timeline(history_of("accounts.invitation", str(row.pk))[:_HISTORY_ROWS], actor),
    }  # fmt: skip
    return render(request, "console/invitation.html", context)


def _changed(request: HttpRequest, actor: Actor, row: Invitation) -> HttpResponse:
    try:
        if request.POST.get("do") == "resend":
            resend_invitation(actor, row.pk, invitation_link(request))
            messages.success(request, f"A new link for {row.email} is on its way; the earlier one no longer works.")
        else:
            revoke_invitation(actor, row.pk)
            messages.success(request, f"The invitation for {row.email} is withdrawn.")
    except Refused as error:
        messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    return HttpResponseRedirect(request.path)
