"""Validators of fields, by the parsers of program files: a row is valid if and only if a file may say the same."""

from collections.abc import Callable, Iterator
from typing import Any

from django.core.exceptions import ValidationError

from control.texts import no_control_characters
from program import fields
from program.file import NAME_CHARS_MAX
from program.fits import CONVERSIONS_MAX
from schemas.values.durations import DURATION_DAYS_MAX
from schemas.values.money import AMOUNT_MINOR_MAX

HOSTS_MAX = 200
GOALS_MAX = 100
PROXIES_MAX = 100
MODELS_MAX = 50
SECOND_US = 1_000_000
_DURATION_US_MAX = DURATION_DAYS_MAX * 86_400 * SECOND_US


def _parsed(parse: Callable[[str], object], text: Any) -> object:
    if not isinstance(text, str):
        raise ValidationError("must be a text")
    no_control_characters(text)
    try:
        return parse(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def _same(parse: Callable[[str], object], text: Any) -> None:
    """Check that a text is valid and already in the form in which it is compared."""
    found = _parsed(parse, text)
    if found != text:
        raise ValidationError(f"must be written as {found}")


def landing_url(value: str) -> None:
    _parsed(fields.landing_url, value)


def fallback_url(value: str) -> None:
    _parsed(fields.fallback_url, value)


def currency(value: str) -> None:
    _parsed(fields.currency, value)


def timezone(value: str) -> None:
    _same(fields.timezone, value)


def link_code(value: str) -> None:
    _parsed(fields.link_code, value)


def coupon_code(value: str) -> None:
    _same(fields.coupon_code, value)


def model(value: str) -> None:
    _same(fields.model, value)


def _list(value: Any, items_max: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > items_max:
        raise ValidationError(f"must be a list of at most {items_max} entries")
    return value


def hosts(value: Any) -> None:
    for host in _list(value, HOSTS_MAX):
        _same(fields.host_pattern, host)


def proxies(value: Any) -> None:
    for proxy in _list(value, PROXIES_MAX):
        _same(fields.proxy, proxy)


def models(value: Any) -> None:
    for name in _list(value, MODELS_MAX):
        model(name)


def goals(value: Any) -> None:
    """Check the goals of an offer: at least one, each with a key and a name."""
    keys = []
    for goal in _list(value, GOALS_MAX):
        if not isinstance(goal, dict) or goal.keys() != {"key", "name"}:
            raise ValidationError("must be goals, each with a key and a name")
        for text, parse, chars_max in (
            (goal["key"], fields.goal_key, fields.GOAL_KEY_CHARS_MAX),
            (goal["name"], str, NAME_CHARS_MAX),
        ):
            _parsed(parse, text)
            if not text.strip() or len(text) > chars_max:
                raise ValidationError(f"must have keys and names of 1 to {chars_max} characters")
        keys.append(goal["key"])
    if not keys:
        raise ValidationError("must name at least one goal")
    if len(set(keys)) != len(keys):
        raise ValidationError("must not have two goals with the same key")


def sub_mistakes(value: Any) -> Iterator[tuple[str, str]]:
    """Yield each sub of a link that is wrong, with the reason; "" stands for the whole map."""
    if not isinstance(value, dict):
        yield "", "must be a map from sub1 to sub30 to texts"
        return
    for name, text in value.items():
        if name not in fields.SUB_NAMES:
            yield str(name), "is not a sub; the subs are sub1 to sub30"
            continue
        try:
            _parsed(fields.sub_default, text)
            if not text.strip():
                yield name, "must not be empty; leave the sub out"
        except ValidationError as error:
            yield name, str(error.messages[0])


def link_subs(value: Any) -> None:
    for name, message in sub_mistakes(value):
        raise ValidationError(f"{name} {message}".strip())


def window_us(value: int) -> None:
    _duration(value, 1)


def hold_us(value: int) -> None:
    _duration(value, 0)


def _duration(value: int, least: int) -> None:
    if not least <= value <= _DURATION_US_MAX or value % SECOND_US:
        raise ValidationError(f"must be whole seconds, {least} s to {DURATION_DAYS_MAX} days")


def percent_e6(value: int) -> None:
    if not 0 <= value <= fields.PERCENT_MAX * 10**6:
        raise ValidationError(f"must be from 0 to {fields.PERCENT_MAX} percent")


def amount_minor(value: int) -> None:
    if not 0 <= value <= AMOUNT_MINOR_MAX:
        raise ValidationError(f"must be from 0 to {AMOUNT_MINOR_MAX} minor units")


def conversions_min(value: int) -> None:
    if not 1 <= value <= CONVERSIONS_MAX:
        raise ValidationError(f"must be from 1 to {CONVERSIONS_MAX}")
