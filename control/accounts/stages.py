"""Steps of a sign-in between knowing who it is and letting the person in."""

from allauth.mfa.stages import AuthenticateStage
from django.http import HttpResponse

from control.accounts.models import User
from control.accounts.oidc.session import has_providers_second_factor


class SecondFactorStage(AuthenticateStage):  # type: ignore[misc]
    """Asks for the second factor, except after a sign-in with a provider that counts as one."""

    def handle(self) -> tuple[HttpResponse | None, bool]:
        """Return the page to go to, and whether the sign-in goes on."""
        user = self.login.user
        if isinstance(user, User) and has_providers_second_factor(self.request, user):
            return None, True
        answer: tuple[HttpResponse | None, bool] = super().handle()
        return answer
