"""Second factors of people."""

from allauth.mfa.models import Authenticator

from control.accounts.models import User

_KINDS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_second_factor(user: User) -> bool:
    """Return whether a person has an authenticator app or a passkey. Recovery codes alone do not count."""
    found: bool = Authenticator.objects.filter(user=user, type__in=_KINDS).exists()
    return found
