"""Adapter of allauth: only people who were invited have an account."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by invitations and by `clew user add`, never by a form that is open to everybody."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def format_email_subject(self, subject: str) -> str:
        """Return the subject on one line."""
        return " ".join(subject.split())

    def get_from_email(self) -> str:
        return str(settings.DEFAULT_FROM_EMAIL)
