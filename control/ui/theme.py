"""Theme of the pages: a cookie, so that the server draws the right one at once."""

from typing import Literal, get_args

from django.http import HttpRequest

Theme = Literal["auto", "light", "dark"]
COOKIE = "theme"
COOKIE_AGE_S = 365 * 86_400


def theme_of(request: object) -> Theme:
    """Return the theme that a browser asked for; auto follows the system, and pages without a request do too."""
    chosen = request.COOKIES.get(COOKIE, "") if isinstance(request, HttpRequest) else ""
    for theme in get_args(Theme):
        if chosen == theme:
            return theme  # type: ignore[no-any-return]
    return "auto"
