"""Languages and time zones that people may choose."""

from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation

LOCALE_CHARS_MAX = 16
TIME_ZONE_CHARS_MAX = 64
_AREAS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


@lru_cache(maxsize=1)
def time_zones() -> tuple[str, ...]:
    """Return the names of the time zones that people may choose: UTC and those of places."""
    return ("UTC", *sorted(name for name in available_timezones() if name.partition("/")[0] in _AREAS))


def check_locale(value: str) -> None:
    """Check that there are texts in a language. Raises ValidationError."""
    known = [code for code, _ in settings.LANGUAGES]
    if value and value not in known:
        raise ValidationError(f"must be one of {', '.join(known)}")


def check_time_zone(value: str) -> None:
    """Check that a time zone exists. Raises ValidationError."""
    if value and value not in time_zones():
        raise ValidationError("must be a time zone, for example Europe/Berlin")


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by name; UTC for an empty one or one that this machine does not know."""
    return ZoneInfo(name if name in time_zones() else "UTC")


def language_of(*wishes: str) -> str:
    """Return the first language of some wishes that there are texts in, else that of the installation."""
    for wish in filter(None, wishes):
        try:
            return translation.get_supported_language_variant(wish)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE
