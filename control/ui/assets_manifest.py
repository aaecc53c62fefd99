"""Names of the built files, as `make setup` wrote them: what a page links to, and the icons."""

import json
from functools import cache

from control.ui.paths import BUILT_FOLDER
from runtime.user_error import UserError

BUILT_URL = "/static/ui/"


class UnknownFile(LookupError):
    """Error for a file or an icon that the build did not make."""


@cache
def built_files() -> dict[str, str]:
    """Return the file of each name, "clew.css" -> "clew-1a2b3c.css". Raises UserError when nothing is built."""
    return _read("manifest.json")


@cache
def _icons() -> dict[str, str]:
    return _read("icons.json")


def asset_url(name: str) -> str:
    """Return the address of a built file. Raises UnknownFile."""
    try:
        return BUILT_URL + built_files()[name]
    except KeyError:
        raise UnknownFile(f"{name!r} is not a built file; add it to control/ui/assets and run `make setup`") from None


def icon_path(name: str) -> str:
    """Return the path of an icon, drawn in a square of 24 by 24. Raises UnknownFile."""
    try:
        return _icons()[name]
    except KeyError:
        raise UnknownFile(
            f"{name!r} is not an icon of the build; is it one of Tabler's? Then run `make setup`"
        ) from None


def _read(name: str) -> dict[str, str]:
    try:
        values: dict[str, str] = json.loads((BUILT_FOLDER / name).read_text("utf-8"))
    except FileNotFoundError:
        raise UserError("the files of the pages are not built; run `make setup`") from None
    return values
