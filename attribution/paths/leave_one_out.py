"""What Google's fractribution, and Snowplow after it, call Shapley: each touch's part in the rate of its exact path.

A touch is worth what the path converts at more than the same path without it, where that was seen, else than 0; never
less than 0. The conversions of a path are split by these worths, or go to its last touch if there are none. No game
has this as its Shapley value; it is here so that its users can compare. Pure.
"""

import math
from collections import defaultdict

import numpy as np

from attribution.paths.path_table import Floats, PathTable


def leave_one_out(table: PathTable) -> tuple[Floats, Floats]:
    """Conversions and values (C) of the paths that have touches. Seconds for each million of distinct paths."""
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
