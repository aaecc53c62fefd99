"""Drawing of buttons, and of the links of the sidebar: every page has dozens."""

from collections.abc import Callable, Iterable
from typing import Any

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from control.ui.local_formats import count_text
from control.ui.marks import address, escape
from control.ui.marks import icon as draw_icon
from control.ui.navigation import Group


def button(
    text: object, href: object = None, kind: object = None, icon: str = "", size: object = None, wide: object = None,
    type: object = None, name: object = None, value: object = None, form: object = None, disabled: object = None,
    id: object = None, popover: object = None, modal: object = None,
) -> SafeString:  # fmt: skip
    """Draw a button, or a link that looks like one."""
    escaped: Callable[[Any], str] = conditional_escape
    looks = f"{f' btn-{escaped(kind)}' if kind else ''}{f' btn-{escaped(size)}' if size else ''}"
    classes = f"btn{looks}{' btn-wide' if wide else ''}"
    own_id = f' id="{escaped(id)}"' if id else ""
    content = f"{draw_icon(icon) if icon else ''}<span>{escaped(text)}</span>"
    if href and not disabled:
        return SafeString(f'<a class="{classes}" href="{escaped(address(href))}"{own_id}>{content}</a>')
    parts = [f'<button class="{classes}" type="{"button" if popover else escaped(type or "submit")}"{own_id}']
    if name:
        parts.append(f' name="{escaped(name)}" value="{escaped(value or "1")}"')
    if form:
        parts.append(f' form="{escaped(form)}"')
    if popover:
        parts.append(f' popovertarget="{escaped(popover)}"{" data-modal" if modal else ""}')
    return SafeString(f"{''.join(parts)}{' disabled' if disabled else ''}>{content}</button>")


def navigation_links(groups: Iterable[Group]) -> SafeString:
    """Draw the links of the sidebar."""
    drawn: list[str] = []
    for number, group in enumerate(groups, start=1):
        named = f' aria-labelledby="nav-{number}"' if group.label else ""
        if group.label:
            drawn.append(f'<div class="cl-nav-group" id="nav-{number}">{escape(group.label)}</div>')
        drawn.append(f'<ul class="cl-nav"{named}>')
        for link in group.links:
            current = ' aria-current="page"' if link.current else ""
            count = f'<span class="cl-count">{count_text(link.count)}</span>' if link.count else ""
            drawn.append(
                f'<li><a class="cl-nav-link" href="{escape(link.href)}"{current}>{draw_icon(link.icon)}'
                f"<span>{escape(link.label)}</span>{count}</a></li>"
            )
        drawn.append("</ul>")
    return SafeString("".join(drawn))
