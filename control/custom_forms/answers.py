"""Validation of answers: all mistakes at once, each with the key of its field, in the language of the person."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.utils.translation import gettext as _

from control.custom_forms.conditions import is_filled
from control.custom_forms.countries import COUNTRIES
from control.custom_forms.definition import FILE_MIB_MAX, Definition, FieldDefinition
from control.errors import Mistakes

MIB = 1024**2
NUMBER_MAX = 10**12
_KINDS: Mapping[str, tuple[str, Callable[[bytes], bool]]] = {
    "pdf": ("application/pdf", lambda content: content.startswith(b"%PDF-")),
    "png": ("image/png", lambda content: content.startswith(b"\x89PNG\r\n\x1a\n")),
    "jpg": ("image/jpeg", lambda content: content.startswith(b"\xff\xd8\xff")),
    "jpeg": ("image/jpeg", lambda content: content.startswith(b"\xff\xd8\xff")),
    "webp": ("image/webp", lambda content: content[:4] == b"RIFF" and content[8:12] == b"WEBP"),
    "csv": ("text/csv", lambda content: b"\x00" not in content),
}
FILE_ENDINGS = tuple(_KINDS)


class Refusal(ValueError):
    """An answer is wrong; the message says how."""


@dataclass(frozen=True, slots=True)
class Upload:
    """File that somebody has sent as an answer."""

    name: str
    content: bytes

    @property
    def content_type(self) -> str:
        """Type by the ending, which the check has compared with the content."""
        return _KINDS[self.name.rpartition(".")[2].lower()][0]


def check_answers(definition: Definition, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers of the fields that are shown, checked. Raises Invalid with all mistakes.

    Answers to fields that their condition hides are left out; answers to unknown fields are mistakes.
    """
    mistakes, found = Mistakes(), dict[str, Any]()
    for key in answers:
        if definition.field(str(key)) is None:
            mistakes.add(str(key)[:80], _("is not a field of this form"))
    for field in definition.fields:
        if not is_shown(field, found):
            continue
        try:
            value = _read(field, answers.get(field.key))
        except Refusal as error:
            mistakes.add(field.key, str(error))
            continue
        if is_filled(value):
            found[field.key] = value
        elif field.required:
            mistakes.add(field.key, _missing(field))
    mistakes.check()
    return found


def is_shown(field: FieldDefinition, answers: Mapping[str, Any]) -> bool:
    """Return whether a field is shown, given the answers to the fields before it."""
    return field.visible_if is None or field.visible_if.holds(answers.get(field.visible_if.field))


def _missing(field: FieldDefinition) -> str:
    if field.type == "consent":
        return _("Please tick this box to go on.")
    return _("This field is required.")


def _read(field: FieldDefinition, value: Any) -> Any:
    """Return a checked answer. Raises Refusal."""
    if value is None or value == "":
        return None
    return _READERS[field.type](field, value)


def _text(field: FieldDefinition, value: Any) -> str:
    if not isinstance(value, str):
        raise Refusal(_("Enter a text."))
    text = value.replace("\r\n", "\n").strip()
    if any(ord(char) < 32 and not (char == "\n" and field.type == "long") for char in text):
        raise Refusal(_("Enter a text without control characters."))
    if len(text) > field.length_max:
        raise Refusal(_("Use at most %(max)d characters.") % {"max": field.length_max})
    if text and field.pattern and re.fullmatch(field.pattern, text) is None:
        raise Refusal(_("This does not have the form that is asked for."))
    return text


def _url(field: FieldDefinition, value: Any) -> str:
    text = _text(field, value)
    if text and "://" not in text:
        text = f"https://{text}"
    if not text:
        return ""
    try:
        URLValidator(["http", "https"])(text)
        host = urlsplit(text).hostname
    except (ValidationError, ValueError):
        host = None
    if not host or len(text) > field.length_max:
        raise Refusal(_("Enter a web address, such as https://example.com."))
    return text


def _email(field: FieldDefinition, value: Any) -> str:
    text = _text(field, value)
    try:
        if text:
            EmailValidator()(text)
    except ValidationError:
        raise Refusal(_("Enter an e-mail address, such as name@example.com.")) from None
    return text


def _choice(field: FieldDefinition, value: Any) -> str:
    if value not in field.values:
        raise Refusal(_("Choose one of the options."))
    return str(value)


def _multi(field: FieldDefinition, value: Any) -> list[str]:
    if not isinstance(value, list) or any(item not in field.values for item in value):
        raise Refusal(_("Choose among the options."))
    chosen = list(dict.fromkeys(value))
    if field.max is not None and len(chosen) > field.max:
        raise Refusal(_("Choose at most %(max)d options.") % {"max": field.max})
    return chosen


def _country(_field: FieldDefinition, value: Any) -> str:
    if not isinstance(value, str) or value not in COUNTRIES:
        raise Refusal(_("Choose a country, by its two-letter code such as DE."))
    return value


def _consent(_field: FieldDefinition, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refusal(_("Must be true or false."))
    return value


def _number(field: FieldDefinition, value: Any) -> int:
    try:
        number = int(str(value).strip()) if not isinstance(value, bool | float) and len(str(value)) < 20 else None
    except ValueError:
        number = None
    if number is None or abs(number) > NUMBER_MAX:
        raise Refusal(_("Enter a whole number."))
    if field.min is not None and number < field.min:
        raise Refusal(_("Must be at least %(min)d.") % {"min": field.min})
    if field.max is not None and number > field.max:
        raise Refusal(_("Must be at most %(max)d.") % {"max": field.max})
    return number


def _date(_field: FieldDefinition, value: Any) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise Refusal(_("Enter a date, such as 2026-01-31.")) from None


def _file(field: FieldDefinition, value: Any) -> Upload:
    if not isinstance(value, Upload):
        raise Refusal(_("Send a file with its name and content."))
    limit_mib = field.max or FILE_MIB_MAX
    if len(value.content) > limit_mib * MIB:
        raise Refusal(_("Send a file of at most %(max)d MiB.") % {"max": limit_mib})
    kind = _KINDS.get(value.name.rpartition(".")[2].lower())
    if kind is None or not kind[1](value.content):
        raise Refusal(_("Send a file of one of these kinds: %(kinds)s.") % {"kinds": ", ".join(FILE_ENDINGS)})
    return value


_READERS: Mapping[str, Callable[[FieldDefinition, Any], Any]] = {
    "text": _text, "long": _text, "url": _url, "email": _email, "choice": _choice, "multi": _multi,
    "country": _country, "consent": _consent, "number": _number, "date": _date, "file": _file,
}  # fmt: skip
