"""Fields that a file may have for a type of object: how a cell is read, and how a value is written."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote

from control.program.validators import sub_mistakes
from program.fields import SUB_NAMES, fixed, percent_e6
from program.to_toml import format_percent
from schemas.values.durations import format_duration, parse_duration_us
from schemas.values.money import format_minor

ITEMS_MAX = 100
_ENCODED_IN_SUBS = re.compile(r"[%&+]|^ | $")
"""Characters that a cell would not give back: they are written as in the query of an address."""
Parse = Callable[[str], Any]
Show = Callable[[Any], str]
"""Values are JSON: they are stored between the dry run and the application."""


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `parse` raises ValueError with the mistake, and the fix."""

    key: str
    label: str
    parse: Parse = str
    show: Show = _as_text
    names: tuple[str, ...] = ()
    """Further headings by which the field is recognised."""
    required: bool = False
    """True if a new object needs it."""
    empty: Any = ""
    """Value of an empty cell where empty cells empty the field."""
    help: str = ""
    personal: bool = False
    """True for data of people, which some roles do not see."""
    internal: bool = False
    """True for fields that are the operators' own."""
    is_exported: bool = True
    """False for a field whose value another one has in exports."""


def words(text: str) -> list[str]:
    """Read a list of texts, with commas or semicolons between them; each once."""
    parts = text.replace(";", ",").replace("\n", ",").split(",")
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def show_words(value: Any) -> str:
    """Write a list of texts."""
    return ", ".join(map(str, value or ()))


def one_of(values: Mapping[str, str]) -> Parse:
    """Return a reader of one of some values, given by itself or by its label, in upper or lower case."""
    known = {str(key).casefold(): str(key) for key in values}
    known |= {label.casefold(): str(key) for key, label in values.items() if label}

    def parse(text: str) -> str:
        try:
            return known[text.casefold()]
        except KeyError:
            raise ValueError(f"must be one of {', '.join(key for key in values if key)}") from None

    return parse


def number(text: str) -> int:
    """Read the number of a partner or an offer."""
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:12]) < 2**32 or len(text) > 12:
        raise ValueError("must be a number, for example 17")
    return int(text)


def yes_no(text: str) -> bool:
    """Read a yes or no."""
    word = text.casefold()
    if word in ("yes", "true", "1", "y", "x"):
        return True
    if word in ("no", "false", "0", "n"):
        return False
    raise ValueError("must be yes or no")


def show_yes_no(value: Any) -> str:
    """Write a yes or no."""
    return "yes" if value else "no"


def capitals(text: str) -> str:
    """Read a code such as that of a country."""
    return text.upper()


def duration(text: str) -> int:
    """Read a duration such as 30d as microseconds."""
    return parse_duration_us(text.strip())


def hold(text: str) -> int:
    """Read a duration that may be 0."""
    return 0 if text.strip() == "0" else parse_duration_us(text.strip(), zero_allowed=True)


def show_duration(value: Any) -> str:
    """Write a duration; nothing for none."""
    return "" if value is None else format_duration(value)


def percent(text: str) -> int:
    """Read a percentage × 10^6; a percent sign may follow."""
    return percent_e6(text.removesuffix("%").strip())


def show_percent(value: Any) -> str:
    """Write a percentage."""
    return format_percent(value or 0)


def money(text: str) -> list[Any]:
    """Read an amount such as 12.50 USD as minor units and currency."""
    minor, currency = fixed(text)
    return [minor, currency] if minor else [0, ""]


def show_money(value: Any) -> str:
    """Write an amount; nothing for none."""
    minor, currency = value or (0, "")
    return f"{format_minor(minor, currency)} {currency}" if minor else ""


def instant(text: str) -> str:
    """Read a date, or a time in UTC unless it has an offset; returns RFC 3339."""
    try:
        when = datetime.fromisoformat(text.strip())
        when = (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a date or a time, for example 2026-03-01 or 2026-03-01T12:00:00Z") from None
    return when.isoformat().replace("+00:00", "Z")


def show_instant(value: Any) -> str:
    """Write a time, or only its date at midnight."""
    return "" if value is None else str(value).removesuffix("T00:00:00Z")


def time_text(when: datetime | None) -> str | None:
    """Return a time of a row as `instant` gives it."""
    return None if when is None else when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def pairs(text: str) -> list[list[str]]:
    """Read goals such as `1: Purchase; lead: Lead`."""
    found = []
    for part in text.replace("\n", ";").split(";"):
        key, colon, name = part.partition(":")
        if not part.strip():
            continue
        if not colon or not key.strip() or not name.strip():
            raise ValueError("must be pairs of key and name, for example 1: Purchase; lead: Lead")
        found.append([key.strip(), name.strip()])
    return found


def show_pairs(value: Any) -> str:
    """Write goals."""
    return "; ".join(f"{key}: {name}" for key, name in value or ())


def subs(text: str) -> dict[str, str]:
    """Read subs such as `sub1=newsletter&sub2=june`; one without a value is left out."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=len(SUB_NAMES))
    except ValueError:
        raise ValueError("must be subs with their values, for example sub1=newsletter&sub2=june") from None
    found = {name: value for name, value in pairs if value}
    if len(dict(pairs)) < len(pairs):
        raise ValueError("has a sub twice")
    if mistakes := [f"{name} {message}" for name, message in sub_mistakes(found)]:
        raise ValueError("; ".join(mistakes))
    return found


def show_subs(value: Any) -> str:
    """Write subs in the order of their numbers."""
    named = [(name, value[name]) for name in SUB_NAMES if name in (value or {})]
    return "&".join(
        f"{name}={_ENCODED_IN_SUBS.sub(lambda found: quote(found[0], safe=''), text)}" for name, text in named
    )
