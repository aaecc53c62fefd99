"""Tags about sign-in with a provider."""

from urllib.parse import urlencode

from django import template
from django.http import HttpRequest
from django.template import Context
from django.urls import reverse

from control.configuration import current_configuration

register = template.Library()


@register.simple_tag(takes_context=True)
def oidc_providers(context: Context) -> list[tuple[str, str]]:
    """Return name and address for each provider; the page after the sign-in is kept."""
    request: HttpRequest = context["request"]
    settings, after = current_configuration().settings.oidc, request.POST.get("next") or request.GET.get("next")
    query = f"?{urlencode({'next': after})}" if after else ""
    return [(settings.name_of(key), reverse("account_oidc", args=[key]) + query) for key in settings.providers]


@register.simple_tag
def oidc_only() -> bool:
    """Return whether people sign in with a provider only."""
    return current_configuration().settings.oidc.only
