"""Fit data-driven models to all conversions of a run: shares by partner, and the weights that follow. Pure.

The input is a table of distinct paths of partners with the counts of conversions and of null journeys. It does not
depend on how the run was sliced. Shares are rounded to 10^-12 and stored with the run, together with the weights, so
that floating-point differences between processors never change a complete run.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from attribution.core.journeys import Journeys
from attribution.kernels import select
from attribution.kernels.allocate import allocate
from attribution.kernels.checks import Array, Ints
from attribution.paths.evaluate import SHARE_UNITS, Answer, ModelOptions, answer
from attribution.paths.path_table import Floats, PathTable
from attribution.paths.rake import rake
from attribution.paths.shapley import coalitions_of
from attribution.runs.spec import BadRun
from program.entries import UNATTRIBUTED
from schemas.values.model_names import Model

PATHS_MAX = 1_000_000
"""Maximum number of distinct paths of one run; they take about 200 MB while it is fitted."""
PATHS_BYTES_MAX = 200_000_000
"""Maximum size of all distinct paths, 4 bytes per touch."""

_PARTNER = ">u4"
"""Type of a partner id in a path: big endian, so that the bytes sort like the numbers."""
_LEAST = 1 / SHARE_UNITS


class PartnerShare(msgspec.Struct, frozen=True, kw_only=True):
    """Share of one partner in all conversions; partner 0 has those without touches.

    `share_e12` adds up to 10^12 over all partners. A conversion is split by the `weight_e12` of its partners.
    """

    partner_id: int
    share_e12: int
    ci_low: float | None = None
    ci_high: float | None = None
    removal_effect: float | None = None
    weight_e12: int = 1


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted model.

    `touched` counts the conversions with touches, and `nulls` the journeys that did not convert, or None if the model
    does not use them. `gap` is the fraction of the touched conversions whose credits cannot follow the shares.
    """

    conversions: int
    touched: int
    nulls: int | None
    gap: float
    partners: tuple[PartnerShare, ...]


Shares = Mapping[str, Fitted]
"""Fitted models by model name."""


def to_json(shares: Shares) -> str:
    """Encode for column `shares` of a run. Equal shares have equal texts; no shares are an empty text."""
    return msgspec.json.encode(dict(shares), order="sorted").decode() if shares else ""


def from_json(text: str) -> dict[str, Fitted]:
    """Decode the output of `to_json`."""
    return msgspec.json.decode(text, type=dict[str, Fitted]) if text else {}


class PathCounts:
    """Distinct paths with the counts of conversions and null journeys. `add` raises BadRun beyond the limits."""

    def __init__(self, paths_max: int = PATHS_MAX, bytes_max: int = PATHS_BYTES_MAX) -> None:
        self._paths_max, self._bytes_max = paths_max, bytes_max
        self._paths = self._bytes = 0
        self._counts: tuple[Counter[bytes], Counter[bytes]] = Counter(), Counter()

    def add(self, paths: Mapping[bytes, int], converted: bool) -> None:
        """Add paths with their counts. Raises BadRun if there are too many to keep in memory."""
        counts, other = self._counts if converted else self._counts[::-1]
        for path, count in paths.items():
            if path not in counts and path not in other:
                self._paths += 1
                self._bytes += len(path)
            counts[path] += count
        if self._paths > self._paths_max or self._bytes > self._bytes_max:
            raise BadRun(
                f"the journeys of this range have more than {self._paths_max} distinct paths or "
                f"{self._bytes_max // 4} touches in them; use a shorter range, or models that are rules"
            )

    def table(self) -> tuple[PathTable, Ints]:
        """Return the paths as a table, sorted by partner ids, and the partner id of each code."""
        converted, nulls = self._counts
        paths = sorted(converted.keys() | nulls.keys())
        partners, codes = np.unique(np.frombuffer(b"".join(paths), _PARTNER).astype(np.int64), return_inverse=True)
        lengths = np.array([len(path) // 4 for path in paths], np.int64)
        counts = (np.array([column[path] for path in paths], np.float64) for column in (converted, nulls))
        conversions, missed = counts
        table = PathTable(
            tuple(f"{partner:010d}" for partner in partners.tolist()), codes.astype(np.int32),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), conversions, np.zeros(len(paths)), missed,
        )  # fmt: skip
        return table, partners


def paths_of(journeys: Journeys, chosen: Array) -> Counter[bytes]:
    """Count the paths of the chosen journeys (C, boolean): the partners of their eligible touches, in order.

    Consecutive touches of one partner are merged, which changes neither model.
    """
    eligible = np.flatnonzero(journeys.codes == select.ELIGIBLE)
    c = np.repeat(np.arange(chosen.shape[0]), np.diff(journeys.offsets))[eligible]
    partner = journeys.partner[eligible]
    is_repeated = np.zeros(c.shape[0], np.bool_)
    is_repeated[1:] = (c[1:] == c[:-1]) & (partner[1:] == partner[:-1])
    data = partner[~is_repeated].astype(_PARTNER).tobytes()
    ends = 4 * np.cumsum(np.bincount(c[~is_repeated], minlength=chosen.shape[0]))
    starts = np.concatenate([[0], ends[:-1]])
    return Counter(data[lo:hi] for lo, hi in zip(starts[chosen].tolist(), ends[chosen].tolist(), strict=True))


def fit_models(models: Sequence[str], counts: PathCounts) -> dict[str, Fitted]:
    """Compute shares, intervals and weights of the models. Raises BadTable if a Markov chain cannot be solved."""
    table, partners = counts.table()
    evaluated = answer(table, [Model(name, name) for name in models], ModelOptions(intervals=True))
    return {model.model: _fitted(model, table, partners) for model in evaluated}


def _fitted(evaluated: Answer, table: PathTable, partners: Ints) -> Fitted:
    conversions = round(table.conversions.sum())
    nulls = round(table.nulls.sum()) if evaluated.model == "markov" else None
    touched = round(table.conversions[np.diff(table.offsets) > 0].sum())
    units = _units([row.share or 0.0 for row in evaluated.channels]) if conversions else [0] * len(evaluated.channels)
    count, gap = partners.shape[0], 0.0
    weights = np.ones(count, np.int64)
    if evaluated.model == "markov" and touched:
        shares = np.array(units[:count], np.float64)
        effects = np.array([row.extra["removal_effect"] or 0.0 for row in evaluated.channels[:count]])
        weights, gap = _raked(table, effects, shares / shares.sum())
    rows = [
        PartnerShare(
            partner_id=number, share_e12=units[k], ci_low=row.extra.get("ci_low"), ci_high=row.extra.get("ci_high"),
            removal_effect=row.extra.get("removal_effect") if k < count else None,
            weight_e12=int(weights[k]) if k < count else 0,
        )
        for k, (number, row) in enumerate(zip([*partners.tolist(), UNATTRIBUTED], evaluated.channels, strict=False))
    ]  # fmt: skip
    return Fitted(conversions=conversions, touched=touched, nulls=nulls, gap=gap, partners=tuple(rows))


def _units(shares: Sequence[float]) -> list[int]:
    """Round shares to integers that add up to 10^12, by largest remainder of finer units."""
    weights = np.rint(np.array(shares) * SHARE_UNITS * 1_000).astype(np.int64)
    offsets = np.array([0, weights.shape[0]], np.int64)
    return list(allocate(offsets, np.array([SHARE_UNITS], np.int64), weights).tolist())


def _raked(table: PathTable, effects: Floats, shares: Floats) -> tuple[Ints, float]:
    """Return integer weights of at least 1 by which conversions are split, and the gap that these weights leave."""
    coalitions = coalitions_of(table)
    raked = rake(coalitions, table.values[coalitions.rows], np.maximum(effects, _LEAST), shares).weights
    weights = np.maximum(1, np.rint(raked / raked.max() * SHARE_UNITS)).astype(np.int64)
    member_weights = weights[coalitions.members].astype(np.float64)
    sizes = np.diff(coalitions.offsets)
    part = member_weights / np.repeat(np.add.reduceat(member_weights, coalitions.offsets[:-1]), sizes)
    sums = np.bincount(coalitions.members, part * np.repeat(coalitions.conversions, sizes), shares.shape[0])
    gap = float(np.abs(sums / coalitions.conversions.sum() - shares).sum() / 2)
    return weights, round(gap, 12)


def weights_of(fitted: Fitted) -> dict[int, int]:
    """Return the weight of each partner. A partner missing here was not in the fitted data and has weight 1."""
    return {row.partner_id: row.weight_e12 for row in fitted.partners if row.partner_id != UNATTRIBUTED}
