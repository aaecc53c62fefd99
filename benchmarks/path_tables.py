"""Random path tables for benchmarks: about 6 touches per path; a fifth of the paths convert."""

from pathlib import Path

import numpy as np

TOUCHES_MEAN = 6
TOUCHES_MAX = 60


def write_path_table(file: Path, paths: int, channels: int, seed: int = 1) -> int:
    """Write a CSV for `clew model` and return its number of touches."""
    random = np.random.default_rng(seed)
    lengths = np.minimum(random.geometric(1 / TOUCHES_MEAN, paths), TOUCHES_MAX)
    popularity = 1 / np.arange(1, channels + 1) ** 0.7
    drawn = random.choice(channels, lengths.sum(), p=popularity / popularity.sum())
    names = np.array([f"channel_{code:03d}" for code in range(channels)])[drawn]
    ends = np.cumsum(lengths)
    converts = random.random(paths) < 0.2
    values = np.round(random.gamma(2, 30, paths), 2)
    with file.open("w") as out:
        out.write("path,total_conversions,total_conversion_value,total_null\n")
        for j in range(paths):
            path = " > ".join(names[ends[j] - lengths[j] : ends[j]])
            out.write(f"{path},1,{values[j]},0\n" if converts[j] else f"{path},0,0,1\n")
    return int(lengths.sum())
