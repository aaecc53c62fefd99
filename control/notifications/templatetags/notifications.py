"""The bell at the top of pages, and times of notifications."""

from typing import Any

from django import template
from django.http import HttpRequest
from django.template import Context

from control.accounts.models import User
from control.notifications.notices import COUNT_MAX, unread_count
from control.ui.moments import minute_text

register = template.Library()
register.filter("moment", minute_text)


@register.inclusion_tag("notifications/bell.html", takes_context=True)
def notification_bell(context: Context) -> dict[str, Any]:
    """Draw the bell of the person who has signed in; an operator who sees the pages as another person has none."""
    request: HttpRequest | None = context.get("request")
    user = getattr(request, "user", None)
    is_shown = isinstance(user, User) and getattr(request, "view_as", None) is None
    count = unread_count(user) if is_shown else 0  # type: ignore[arg-type]
    return {"is_shown": is_shown, "count": f"{COUNT_MAX}+" if count > COUNT_MAX else str(count or "")}
