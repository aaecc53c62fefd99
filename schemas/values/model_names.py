"""Attribution models as text: `last_click`, `time_decay(14d)`, `position(30, 40, 30)`. Pure.

The text of a model is its name in every table, so equal models have equal texts: default parameters are left out,
and numbers have one canonical form.
"""

import math
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from schemas.values.durations import BadDuration, format_duration, parse_duration_us

PLAIN_MODELS = ("last_click", "last_touch", "last_non_direct", "coupon_first", "first", "linear", "set_linear")
"""Models without parameters."""

MODEL_NAMES = (*PLAIN_MODELS, "position", "w_shaped", "time_decay", "custom")
DATA_DRIVEN = ("markov", "shapley")
"""Models that are fitted to many conversions, for runs and files. Plans pay by a run's weights, see FITTED."""
FITTED = "fitted"
"""`fitted(ID)`: splits a conversion among its partners by the weights of that `[[fits]]` table of the program."""
FIT_ID_CHARS = 12

DEFAULT_HALF_LIFE_US = 7 * 86_400 * 1_000_000
VECTOR_MAX = 100
_DEFAULTS = {"position": "40,20,40", "w_shaped": "30,30,30,10"}
_NUMBERS = {"position": 3, "w_shaped": 4}
_NUMBER_MAX = 1_000
_DECIMALS_MAX = 6
_MODEL = re.compile(r"([a-z_]+)(?:\(([^()]*)\))?")
_FIT_ID = re.compile(rf"[0-9a-f]{{{FIT_ID_CHARS}}}")


class BadModel(ValueError):
    """Error for a text that is not a model; the message is a sentence for its author."""


class Model(NamedTuple):
    """A model: its text, its name, and its parameters as whole numbers.

    The parameter of time_decay is its half-life in µs; those of other models are weights in lowest terms. `fit` is
    the id of the program's `[[fits]]` table that `fitted` uses.
    """

    text: str
    name: str
    parameters: tuple[int, ...] = ()
    fit: str = ""


def parse_model(text: str) -> Model:
    """Parse a model that a plan may pay by. Raises BadModel. Does not check that a fit with that id exists."""
    match = _MODEL.fullmatch(text.strip())
    if match is not None and match.group(1) in DATA_DRIVEN:
        name = match.group(1)
        raise BadModel(
            f"{name} is fitted to all conversions of a range, so a plan can only pay by the fitted weights of a run: "
            f"run `clew attribute --model {name}`, print its [[fits]] table with `clew fit RUN`, "
            'and write "fitted(ID)" with the id of that table'
        )
    name = text.partition("(")[0].strip()
    if match is None and name in (*MODEL_NAMES, FITTED):
        raise BadModel(f"after {name} only parameters in brackets may follow, as in position(40,20,40)")
    if match is None or match.group(1) not in (*MODEL_NAMES, FITTED):
        raise BadModel(f"there is no such model; the models are {', '.join(MODEL_NAMES)} and {FITTED}(ID)")
    name, inner = match.group(1), match.group(2)
    if name == FITTED:
        return _fitted((inner or "").strip())
    if name in PLAIN_MODELS:
        if inner is not None:
            raise BadModel(f"{name} has no parameters")
        return Model(name, name)
    if name == "time_decay":
        return _time_decay(inner)
    return _weighted(name, inner)


def fitted_text(fit_id: str) -> str:
    """Return the text of the model that uses a fit."""
    return f"{FITTED}({fit_id})"


def _fitted(fit_id: str) -> Model:
    if _FIT_ID.fullmatch(fit_id) is None:
        raise BadModel(f"{FITTED} needs the id of a [[fits]] table, {FIT_ID_CHARS} hex digits, as `clew fit` prints it")
    return Model(fitted_text(fit_id), FITTED, fit=fit_id)


def _time_decay(inner: str | None) -> Model:
    try:
        half_life_us = DEFAULT_HALF_LIFE_US if inner is None else parse_duration_us(inner.strip())
    except BadDuration as error:
        raise BadModel(f"the half-life of time_decay {error}") from None
    is_default = half_life_us == DEFAULT_HALF_LIFE_US
    text = "time_decay" if is_default else f"time_decay({format_duration(half_life_us)})"
    return Model(text, "time_decay", (half_life_us,))


def _weighted(name: str, inner: str | None) -> Model:
    if inner is None and name not in _DEFAULTS:
        raise BadModel(f'{name} needs weights, from the last touch backwards, as in "{name}(50,30,20)"')
    numbers = _numbers(name, inner if inner is not None else _DEFAULTS[name])
    wanted = _NUMBERS.get(name)
    if wanted is not None and len(numbers) != wanted:
        raise BadModel(f'{name} has {wanted} weights, as in "{name}({_DEFAULTS[name]})"')
    if name == "custom" and (len(numbers) > VECTOR_MAX or not numbers[0]):
        raise BadModel(f"custom has at most {VECTOR_MAX} weights, and the first, for the last touch, must be above 0")
    if not any(numbers) or (name == "w_shaped" and not any((numbers[0], *numbers[2:]))):
        raise BadModel(f"the weights of {name} would leave journeys without any credit")
    lowest = _lowest_terms(numbers)
    if name in _DEFAULTS and lowest == _lowest_terms(_numbers(name, _DEFAULTS[name])):
        return Model(name, name, lowest)
    return Model(f"{name}({','.join(map(str, lowest))})", name, lowest)


def _numbers(name: str, inner: str) -> list[Decimal]:
    numbers = []
    for part in inner.split(","):
        try:
            number = Decimal(part.strip())
        except InvalidOperation:
            raise BadModel(f"{part.strip()!r} is not a weight of {name}; weights are numbers, as in 40") from None
        if not number.is_finite() or not 0 <= number <= _NUMBER_MAX:
            raise BadModel(f"weights of {name} must be from 0 to {_NUMBER_MAX}")
        if number != round(number, _DECIMALS_MAX):
            raise BadModel(f"weights of {name} may have at most {_DECIMALS_MAX} decimals")
        numbers.append(number)
    return numbers


def _lowest_terms(numbers: Sequence[Decimal]) -> tuple[int, ...]:
    whole = [int(number * 10**_DECIMALS_MAX) for number in numbers]
    divisor = math.gcd(*whole)
    return tuple(number // divisor for number in whole)
