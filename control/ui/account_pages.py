"""Account pages: their tabs, the shell around them, names of browsers."""

import re
from collections.abc import Iterator

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from control.configuration import current_configuration

TABS = (
    (_("Profile"), "account_profile", "/profile/"),
    (_("Security"), "mfa_index", "/2fa/"),
    (_("Password"), "account_change_password", "/password/"),
    (_("E-mail"), "account_email", "/email/"),
    (_("Mails"), "account_mails", "/mails/"),
    (_("Sessions"), "usersessions_list", "/sessions/"),
)
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def layout_of(request: HttpRequest) -> str:
    """Return the shell of a person's account pages: the console for operators, else the portal."""
    return "layouts/console.html" if getattr(request.user, "is_operator", False) else "layouts/portal.html"


def tabs(request: HttpRequest) -> Iterator[dict[str, object]]:
    """Yield the tabs of account pages; one whose page is closed is left out."""
    if getattr(request, "second_factor_missing", False):
        return
    for label, name, part in TABS:
        if name == "account_change_password" and current_configuration().settings.oidc.only:
            continue
        try:
            href = reverse(name)
        except NoReverseMatch:
            continue
        yield {"label": label, "href": href, "current": part in request.path}


def browser_name(agent: object) -> str:
    """Name a browser by its user agent, "Firefox on Windows"; unknown ones by their first words."""
    text = str(agent or "")
    browser = next((name for part, name in BROWSERS if part in text), "")
    system = next((name for part, name in SYSTEMS if part in text), "")
    if browser and system:
        return gettext("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or re.sub(r"\s+", " ", text)[:60] or gettext("Unknown browser")
