"""Note in a session that its person has signed in with a provider."""

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from django.http import HttpRequest

from control.accounts.models import User
from control.configuration import current_configuration

_METHOD = "oidc"


def note_provider(request: HttpRequest, user: User, key: str) -> None:
    """Note the provider of a sign-in that has been checked."""
    record_authentication(request, user, _METHOD, provider=key)


def provider_of_session(request: HttpRequest, user: User) -> str:
    """Return the ID of the provider of the last sign-in with one; empty without one."""
    records = get_authentication_records(request, user)
    return next((str(one.get("provider")) for one in reversed(records) if one.get("method") == _METHOD), "")


def has_providers_second_factor(request: HttpRequest, user: User) -> bool:
    """Return whether the sign-in with a provider counts as the second factor."""
    provider = current_configuration().settings.oidc.providers.get(provider_of_session(request, user))
    return provider is not None and provider.second_factor
