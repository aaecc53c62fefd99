"""Compute the weights of touches under an attribution model, which is named by its text. Pure.

Weights are integers, so that amounts can be split exactly. A touch that does not count has weight 0, and `reasons`
says why. The fit of a data-driven model is an argument, taken from a program or a run, so the weights of a journey
never depend on other conversions.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from attribution.core.journeys import REASONS, Journeys
from attribution.kernels import rules, select
from attribution.kernels.checks import Ints
from program.terms import Terms
from schemas.reasons import NoCredit
from schemas.values.model_names import DATA_DRIVEN, FITTED, BadModel, Model, fitted_text, parse_model

DEFAULT_MODEL = "last_click"

Words = NDArray[np.object_]

_TOP = 1_000


class ByPartner(NamedTuple):
    """Weights of a fit: partner ids (N), ascending, and integer weights of at least 1 (N)."""

    partners: Ints
    weights: Ints

    @classmethod
    def from_weights(cls, weights: Mapping[int, int]) -> "ByPartner":
        """Build from weights by partner id."""
        pairs = np.array(sorted(weights.items()), np.int64).reshape(-1, 2)
        return cls(pairs[:, 0].copy(), pairs[:, 1].copy())


Fits = Mapping[str, ByPartner]
"""Fits by model text: `fitted(ID)` of a program, `markov` and `shapley` of a run."""
NO_FITS: Fits = MappingProxyType({})


def fits_of(terms: Terms) -> dict[str, ByPartner]:
    """Return the fits of a program."""
    return {fitted_text(fit_id): ByPartner.from_weights(fit.weights) for fit_id, fit in terms.fits.items()}


@lru_cache(maxsize=1_000)
def model_of(text: str) -> Model | None:
    """Parse a model text. Returns None for a model that this version does not have."""
    try:
        return parse_model(text)
    except BadModel:
        return None


def is_known(text: str, fits: Fits) -> bool:
    """Return True if `weigh` can compute the model."""
    model = model_of(text)
    return text in fits or (model is not None and model.name != FITTED)


def weigh(text: str, journeys: Journeys, fits: Fits = NO_FITS) -> Ints:
    """Return the weight of each position of the journeys. Raises KeyError for an unknown model."""
    if text in fits:
        return _weigh_fitted(fits[text], journeys)
    model = model_of(text)
    if model is None or model.name == FITTED:
        raise KeyError(text)
    j = journeys
    match model.name:
        case "last_click":
            return rules.last_click(j.offsets, j.codes, j.precedence, j.winner)
        case "last_touch":
            return rules.last_touch(j.offsets, j.codes, j.winner)
        case "last_non_direct":
            return rules.last_non_direct(j.offsets, j.codes, j.winner, j.direct)
        case "coupon_first":
            return rules.coupon_first(j.offsets, j.codes, j.precedence, j.winner)
        case "first":
            return rules.first(j.offsets, j.codes, j.winner)
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


def _weigh_fitted(fit: ByPartner, journeys: Journeys) -> Ints:
    """Return each partner's weight at its first eligible touch. A partner missing from the fit has weight 1."""
    first = rules.set_linear(journeys.offsets, journeys.codes, journeys.partner)
    if not fit.partners.size:
        return first
    index = np.minimum(np.searchsorted(fit.partners, journeys.partner), fit.partners.shape[0] - 1)
    return first * np.where(fit.partners[index] == journeys.partner, fit.weights[index], 1)


def reasons(text: str, journeys: Journeys, weights: Ints) -> Words:
    """Return, for each position, the NoCredit value that explains a weight of 0; a note or "" for a positive weight."""
    words = np.full(journeys.codes.shape[0], "", object)
    for code, reason in REASONS.items():
        words[journeys.codes == code] = reason.value
    counts = journeys.codes == select.ELIGIBLE
    words[counts & (journeys.touches.pending[journeys.touch] != 0)] = NoCredit.CLICK_PENDING.value
    words[counts & (journeys.touches.is_bot[journeys.touch] != 0)] = NoCredit.CONFIRMED_BY_CONVERSION.value
    nothing = counts & (weights == 0)
    if not nothing.any():
        return words
    model = model_of(text)
    name = model.name if model is not None else text
    if name in _SINGLE_TOUCH:
        ranks = _ranks(name, journeys)
        is_lower = ranks < _highest(journeys.offsets, ranks)
        words[nothing] = _SINGLE_TOUCH[name].value
        words[nothing & is_lower] = NoCredit.LOWER_PRECEDENCE.value
        if name == "last_non_direct":
            words[nothing & is_lower & (journeys.direct != 0)] = NoCredit.DIRECT.value
    else:
        words[nothing] = (NoCredit.REPEATED_PARTNER if name in _BY_PARTNER else NoCredit.NO_SHARE).value
    return words


_BY_PARTNER = ("set_linear", FITTED, *DATA_DRIVEN)

_SINGLE_TOUCH = {
    "last_click": NoCredit.NOT_LAST,
    "last_touch": NoCredit.NOT_LAST,
    "last_non_direct": NoCredit.NOT_LAST,
    "coupon_first": NoCredit.NOT_LAST,
    "first": NoCredit.NOT_FIRST,
}


def _ranks(name: str, journeys: Journeys) -> Ints:
    """Return the ranks that a single-touch rule compares before time; 0 where a touch does not count."""
    ranks = np.ones(journeys.codes.shape[0], np.int64)
    if name in ("last_click", "coupon_first"):
        ranks = journeys.precedence.astype(np.int64)
    elif name == "last_non_direct":
        ranks = np.where(journeys.direct != 0, 1, 2)
    ranks = np.where(journeys.winner != 0, _TOP, ranks)
    if name == "coupon_first":
        ranks = np.where(journeys.precedence >= rules.COUPON, 2 * _TOP, ranks)
    return np.where(journeys.codes == select.ELIGIBLE, ranks, 0)


def _highest(offsets: Ints, ranks: Ints) -> Ints:
    """Return, for each position, the highest rank of its journey."""
    counts = np.diff(offsets)
    starts = offsets[:-1][counts > 0]
    return np.repeat(np.maximum.reduceat(ranks, starts), counts[counts > 0])
