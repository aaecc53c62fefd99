"""Adapter of allauth: only people who were invited have an account, and sign in as the installation allows."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from control.accounts.models import User
from control.configuration import current_configuration
from control.notifications.mails import mail_of
from control.notifications.markdown import escaped

WAY = "way"
"""Name, among the values of a sign-in, of how it was made: with a provider or by a link of an administrator."""
_STAGES = {"allauth.mfa.stages.AuthenticateStage": "control.accounts.stages.SecondFactorStage"}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by invitations and by `clew user add`, never by a form that is open to everybody."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def get_login_stages(self) -> list[str]:
        """Return the steps of a sign-in, with our own for the second factor."""
        return [_STAGES.get(stage, stage) for stage in super().get_login_stages()]

    def pre_login(self, request: HttpRequest, user: User, **values: Any) -> HttpResponse | None:
        """Refuse other ways to sign in where only a provider is allowed."""
        answer: HttpResponse | None = super().pre_login(request, user, **values)
        if (
            answer is None
            and current_configuration().settings.oidc.only
            and not (values["signal_kwargs"] or {}).get(WAY)
        ):
            messages.error(request, "This installation allows signing in with a provider only.")
            return HttpResponseRedirect(reverse("account_login"))
        return answer

    def format_email_subject(self, subject: str) -> str:
        """Return the subject without the name of a site."""
        return subject

    def render_mail(
        self, template_prefix: str, email: str | list[str], context: dict[str, Any], headers: Any = None
    ) -> EmailMessage:
        """Put a mail of allauth into the frame that all mails have."""
        plain = super().render_mail(template_prefix, email, context, headers)
        return mail_of(plain.subject, escaped(plain.body), plain.to[0])
