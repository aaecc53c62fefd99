"""Links that sign a person in once: the way back in when a provider or the mail server fails."""

from uuid import UUID

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.people import person_by_email
from control.accounts.roles import Action, Area
from control.audit.origin import ActorKind
from control.audit.record import Change, record
from control.changes import changing
from control.errors import Conflict, Forbidden


class _Tokens(PasswordResetTokenGenerator):
    """Tokens that end with the next sign-in, a new password, or after an hour."""

    key_salt = "control.accounts.sign_in_links"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        """Add the time of the last sign-in with its microseconds, so that a token works once even within a second."""
        return f"{super()._make_hash_value(user, timestamp)}{user.last_login}{user.is_active}"


_tokens = _Tokens()


def make_sign_in_link(actor: Actor, email: str) -> str:
    """Return the path of a link for a person; the second factor is still asked for.

    Raises Forbidden for anything but commands, NotFound, and Conflict for somebody who is disabled.
    """
    if actor.kind is not ActorKind.COMMAND:
        raise Forbidden("only the command line makes these links")
    actor.require(Area.PEOPLE, Action.WRITE)
    with changing(actor):
        user = person_by_email(actor, email)
        if not user.is_active:
            raise Conflict(f"{user.email} is disabled")
        record(Change("sign_in_link_made", "accounts.user", str(user.pk), user.email))
    return reverse("account_sign_in_link", args=[user.pk, _tokens.make_token(user)])


def person_of_link(user_id: UUID, token: str) -> User | None:
    """Return the person whom a link signs in; None if it was used or is too old."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return user if user is not None and _tokens.check_token(user, token) else None
