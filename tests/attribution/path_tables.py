"""Path tables for tests: from counted paths, as hypothesis draws them, and as text."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from attribution.paths.path_table import PathTable
from tests.reference.paths import Counted

CHANNELS = ("Display", "Email", "Search", "Social")


def table_of_paths(
    paths: Sequence[Counted], values: Sequence[float] | None = None, kinds: Sequence[int] | None = None,
    ages: Sequence[int] | None = None,
) -> PathTable:  # fmt: skip
    names = tuple(sorted({channel for path, _, _ in paths for channel in path}))
    codes = [names.index(channel) for path, _, _ in paths for channel in path]
    offsets = np.cumsum([0, *(len(path) for path, _, _ in paths)]).astype(np.int64)
    worth = values if values is not None else [0.0] * len(paths)
    return PathTable(
        names,
        np.array(codes, np.int32),
        offsets,
        np.array([n for _, n, _ in paths], np.float64),
        np.array(worth, np.float64),
        np.array([m for _, _, m in paths], np.float64),
        None if kinds is None else np.array(kinds, np.uint8),
        None if ages is None else np.array(ages, np.int64),
    )


def counted_paths(
    channels: Sequence[str] = CHANNELS, touches_max: int = 6, count_max: int = 4
) -> st.SearchStrategy[list[Counted]]:
    """A few paths, of which at least one converts."""
    path = st.lists(st.sampled_from(channels), max_size=touches_max).map(tuple)
    counted = st.tuples(path, st.integers(0, count_max), st.integers(0, count_max))
    return st.lists(counted, min_size=1, max_size=8).filter(lambda paths: any(n and path for path, n, _ in paths))
