"""Sessions and addresses of people, as allauth keeps them."""

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from control.accounts.models import User


def verify_email(user: User) -> None:
    """Store the address of a person as verified: an operator or an invitation has named it."""
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})


def end_sessions(user: User) -> int:
    """End all sessions of a person; return their number."""
    sessions = UserSession.objects.filter(user=user)
    keys = list(sessions.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    sessions.delete()
    return len(keys)
