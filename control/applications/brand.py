"""Name and colour of the program on public pages."""

import re
from dataclasses import dataclass

from control.applications.models import ApplicationForm
from control.notifications.mails import program_name

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_DARK, _LIGHT = "#000000", "#ffffff"


@dataclass(frozen=True, slots=True)
class Brand:
    """Name and colours that people see who do not know the program yet."""

    name: str
    color: str = ""
    on_color: str = ""
    """Colour of texts on `color`: black or white, whichever can be read better."""


def brand_of(form: ApplicationForm) -> Brand:
    """Return the look of the pages of a form."""
    color = form.color if _COLOR.fullmatch(form.color) else ""
    return Brand(program_name(), color, text_color(color) if color else "")


def text_color(color: str) -> str:
    """Return black or white, whichever has more contrast to a colour."""
    light = _luminance(color)
    return _DARK if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else _LIGHT


def _luminance(color: str) -> float:
    """Return the relative luminance of a colour, by WCAG."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
