"""Credits by leaving out one touch, which Google's fractribution and Snowplow call Shapley. Pure.

The weight of a touch is the rate at which its path converts minus the rate of the same path without the touch; that
rate is 0 if no such path was seen, and the weight is at least 0. The conversions of a path are split by these weights,
or go to its last touch if all are 0. This is not the Shapley value of any game; it is here for comparison.
"""

import math
from collections import defaultdict

import numpy as np

from attribution.paths.path_table import Floats, PathTable


def leave_one_out(table: PathTable) -> tuple[Floats, Floats]:
    """Return conversions and values (C) of the paths with touches. Takes seconds per million distinct paths."""
    seen: dict[tuple[int, ...], list[tuple[float, float, float]]] = defaultdict(list)
    codes, offsets = table.codes.tolist(), table.offsets.tolist()
    rows = zip(table.conversions.tolist(), table.nulls.tolist(), table.values.tolist(), strict=True)
    for j, row in enumerate(rows):
        if offsets[j] < offsets[j + 1]:
            seen[tuple(codes[offsets[j] : offsets[j + 1]])].append(row)
    sums = {path: tuple(math.fsum(column) for column in zip(*all_rows, strict=True)) for path, all_rows in seen.items()}
    rates = {path: n / (n + m) if n + m else 0.0 for path, (n, m, _) in sums.items()}
    parts: list[tuple[list[float], list[float]]] = [([], []) for _ in table.names]
    for path, (conversions, _, value) in sums.items():
        if not conversions:
            continue
        worths = [max(0.0, rates[path] - rates.get(path[:i] + path[i + 1 :], 0.0)) for i in range(len(path))]
        if not any(worths):
            worths[-1] = 1.0
        whole = math.fsum(worths)
        for code, worth in zip(path, worths, strict=True):
            parts[code][0].append(conversions * worth / whole)
            parts[code][1].append(value * worth / whole)
    conversions_of = np.array([math.fsum(pair[0]) for pair in parts], np.float64)
    return conversions_of, np.array([math.fsum(pair[1]) for pair in parts], np.float64)
