"""Attribution models by their text: each gives integer weights to the touches of journeys. Pure.

A weight is an integer, so that money can follow it exactly; a touch that does not count weighs 0, and `reasons`
says why any touch does.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from attribution import kernels
from attribution import kernels_rules as rules
from attribution.journeys import REASONS, Journeys
from attribution.kernels import Ints
from schemas.models import BadModel, Model, parse_model
from schemas.reasons import NoCredit

DEFAULT_MODEL = "last_click"

Words = NDArray[np.object_]

_TOP = 1_000


@lru_cache(maxsize=1_000)
def model_of(text: str) -> Model | None:
    """The model of a text, or None for one that this Clew lacks."""
    try:
        return parse_model(text)
    except BadModel:
        return None


def weigh(text: str, journeys: Journeys) -> Ints:
    """Weights of one model for each place of the journeys. Raises KeyError for a model that there is not."""
    model = model_of(text)
    if model is None:
        raise KeyError(text)
    j = journeys
    match model.name:
        case "last_click":
            return rules.last_click(j.offsets, j.codes, j.precedence, j.named)
        case "last_touch":
            return rules.last_touch(j.offsets, j.codes, j.named)
        case "last_non_direct":
            return rules.last_non_direct(j.offsets, j.codes, j.named, j.direct)
        case "coupon_first":
            return rules.coupon_first(j.offsets, j.codes, j.precedence, j.named)
        case "first":
            return rules.first(j.offsets, j.codes, j.named)
        case "linear":
            return rules.linear(j.offsets, j.codes)
        case "set_linear":
            return rules.set_linear(j.offsets, j.codes, j.partner)
        case "position":
            first, rest, last = model.parameters
            return rules.position(j.offsets, j.codes, first, rest, last)
        case "w_shaped":
            first, middle, last, rest = model.parameters
            return rules.w_shaped(j.offsets, j.codes, None, first, middle, last, rest)
        case "time_decay":
            return rules.time_decay(j.offsets, j.codes, j.ts, model.parameters[0])
        case _:
            return rules.custom(j.offsets, j.codes, j.precedence, np.array(model.parameters, np.int64))


def reasons(text: str, journeys: Journeys, weights: Ints) -> Words:
    """Why each place has nothing under a model, as words of NoCredit; "" or `click_pending` where it has something."""
    words = np.full(journeys.codes.shape[0], "", object)
    for code, reason in REASONS.items():
        words[journeys.codes == code] = reason.value
    counts = journeys.codes == kernels.ELIGIBLE
    words[counts & (journeys.touches.pending[journeys.touch] != 0)] = NoCredit.CLICK_PENDING.value
    nothing = counts & (weights == 0)
    if not nothing.any():
        return words
    name = parse_model(text).name
    if name in _SINGLE_TOUCH:
        ranks = _ranks(name, journeys)
        is_lower = ranks < _highest(journeys.offsets, ranks)
        words[nothing] = _SINGLE_TOUCH[name].value
        words[nothing & is_lower] = NoCredit.LOWER_PRECEDENCE.value
        if name == "last_non_direct":
            words[nothing & is_lower & (journeys.direct != 0)] = NoCredit.DIRECT.value
    else:
        words[nothing] = (NoCredit.REPEATED_PARTNER if name == "set_linear" else NoCredit.NO_SHARE).value
    return words


_SINGLE_TOUCH = {
    "last_click": NoCredit.NOT_LAST,
    "last_touch": NoCredit.NOT_LAST,
    "last_non_direct": NoCredit.NOT_LAST,
    "coupon_first": NoCredit.NOT_LAST,
    "first": NoCredit.NOT_FIRST,
}


def _ranks(name: str, journeys: Journeys) -> Ints:
    """What a single-touch rule looks at before time; 0 where a touch does not count."""
    ranks = np.ones(journeys.codes.shape[0], np.int64)
    if name in ("last_click", "coupon_first"):
        ranks = journeys.precedence.astype(np.int64)
    elif name == "last_non_direct":
        ranks = np.where(journeys.direct != 0, 1, 2)
    ranks = np.where(journeys.named != 0, _TOP, ranks)
    if name == "coupon_first":
        ranks = np.where(journeys.precedence >= rules.COUPON, 2 * _TOP, ranks)
    return np.where(journeys.codes == kernels.ELIGIBLE, ranks, 0)


def _highest(offsets: Ints, ranks: Ints) -> Ints:
    """The highest rank of each place's journey."""
    counts = np.diff(offsets)
    starts = offsets[:-1][counts > 0]
    return np.repeat(np.maximum.reduceat(ranks, starts), counts[counts > 0])
