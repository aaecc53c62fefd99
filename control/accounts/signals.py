"""Acts of people that are not changes of rows here: recorded in the audit trail."""

from typing import Any

from allauth.account.signals import email_changed, password_changed, password_reset, password_set
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import Signal
from django.http import HttpRequest

from control.accounts.middleware import actor_of_session
from control.accounts.models import User, normal_email
from control.accounts.oidc.session import provider_of_session
from control.audit.origin import acting
from control.audit.record import Change, record

_ACTS: dict[Signal, str] = {
    user_logged_in: "signed_in",
    user_logged_out: "signed_out",
    password_changed: "password_changed",
    password_set: "password_set",
    password_reset: "password_reset",
    email_changed: "email_changed",
    authenticator_added: "second_factor_added",
    authenticator_removed: "second_factor_removed",
    authenticator_reset: "second_factor_reset",
}


def connect() -> None:
    """Connect the receivers."""
    for signal, act in _ACTS.items():
        signal.connect(_receiver(act), weak=False, dispatch_uid=f"audit {act}")
    user_login_failed.connect(_record_failure, dispatch_uid="audit sign-in failed")


def _receiver(act: str) -> Any:
    def receive(request: HttpRequest | None = None, user: Any = None, authenticator: Any = None, **_: object) -> None:
        if not isinstance(user, User) or request is None:
            return
        after = {"kind": str(authenticator.type)} if authenticator is not None else None
        if act == "signed_in" and (provider := provider_of_session(request, user)):
            after = {"provider": provider}
        with acting(actor_of_session(request)):
            record(Change(act, "accounts.user", str(user.pk), user.email, after=after))

    return receive


def _record_failure(credentials: dict[str, Any], **_named: object) -> None:
    """Record a wrong password of a person who exists; another text may be a password in the wrong field."""
    user = User.objects.filter(email=normal_email(str(credentials.get("email") or ""))).first()
    if user is not None:
        record(Change("sign_in_failed", "accounts.user", str(user.pk), user.email))
