"""Invitations to apply: a mail with a link that fills in name and address, and proves the address."""

from datetime import timedelta
from typing import Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from ninja import Schema

from control.accounts.actor import Actor
from control.accounts.models import normal_email
from control.accounts.roles import Action, Area
from control.applications.models import ApplicationForm, ApplicationInvitation
from control.applications.states import FormStatus
from control.changes import changing
from control.configuration import current_configuration
from control.errors import Conflict, FieldError, Invalid, Mistakes, validate
from control.filters import FilterSet
from control.notifications.mails import queue_mail
from control.partners.access import require_operator

INVITATION_AGE_MAX = timedelta(days=14)
_SALT = "applications.invitation"


class InvitationFilters(Schema):
    """Filters of invitations to apply."""

    form: str = ""
    """Last part of the address of the form."""
    email: str = ""


INVITATION_FILTERS: FilterSet[ApplicationInvitation] = FilterSet(
    InvitationFilters,
    lambda _actor, rows, text: rows.filter(email__icontains=text),
    {"form": lambda value: Q(form__slug=value)},
)


def visible_invitations(actor: Actor) -> QuerySet[ApplicationInvitation]:
    """Return the invitations to apply, for those who may send them. Raises Forbidden."""
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    found: QuerySet[ApplicationInvitation] = ApplicationInvitation.objects.select_related("form")
    return found


def invite_to_apply(actor: Actor, form_slug: str, email: str, name: str = "") -> ApplicationInvitation:
    """Invite somebody to apply, by mail. Raises Forbidden, Invalid with all mistakes, Conflict."""
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    if not current_configuration().settings.web.url:
        raise Conflict("the mail needs the public address of this installation; set CLEW_WEB__URL")
    mistakes, address = Mistakes(), normal_email(email)
    form = ApplicationForm.objects.filter(slug=form_slug).first()
    if form is None or form.status != FormStatus.PUBLISHED:
        mistakes.add("form", f"is not the address of a published form: {form_slug or 'nothing'}")
    try:
        validate_email(address)
    except ValidationError:
        mistakes.add("email", f"is not a mail address: {email or 'nothing'}")
    mistakes.check()
    assert form is not None  # checked above
    with changing(actor):
        if ApplicationInvitation.objects.filter(form=form, email=address).exists():
            raise Invalid(FieldError("email", f"{address} is invited already by this form"))
        invitation = ApplicationInvitation(
            form=form, email=address, name=" ".join(name.split()), invited_by=actor.name[:254],
            expires=timezone.now() + INVITATION_AGE_MAX,
        )  # fmt: skip
        validate(invitation)
        invitation.save(force_insert=True)
        values = {
            "name": invitation.name, "form": form.name, "who": invitation.invited_by, "link": _link(invitation),
            "expires": invitation.expires,
        }  # fmt: skip
        queue_mail("application.invitation", address, values)
    return invitation


def open_invitation(token: str, slug: str) -> ApplicationInvitation | None:
    """Return the invitation of a link to a form; None if the link is wrong, too old, or was used."""
    try:
        key = signing.loads(token.replace("~", ":"), salt=_SALT, max_age=INVITATION_AGE_MAX)
    except signing.BadSignature:
        return None
    found: Any = ApplicationInvitation.objects.filter(pk=key, form__slug=slug, application=None)
    invitation: ApplicationInvitation | None = found.filter(expires__gt=timezone.now()).first()
    return invitation


def _link(invitation: ApplicationInvitation) -> str:
    token = signing.dumps(invitation.pk.hex, salt=_SALT).replace(":", "~")
    base_url = current_configuration().settings.web.url
    return f"{base_url}{reverse('apply', args=[invitation.form.slug])}?invite={token}"
