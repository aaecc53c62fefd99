"""`clew model` as a process, compared with ChannelAttribution and marketing_attribution_models on the same CSV.

The peers are not in Clew's environment, because ChannelAttribution is GPL-3 and a source distribution. Create a
separate environment and set CLEW_BENCH_PEERS to its Python. Missing peers are reported and skipped:

    python -m venv peers
    peers/bin/pip install "setuptools>=77" wheel numpy cython pandas matplotlib polars pyarrow
    peers/bin/pip install --no-build-isolation ChannelAttribution==2.2.5 marketing_attribution_models==2.1.1

(With older setuptools, ChannelAttribution's pyproject.toml needs `license = { text = "GPL-3.0-or-later" }`.)
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Result
from benchmarks.path_tables import write_path_table

PATHS, SMALL_PATHS, CHANNELS = 1_000_000, 10_000, 200
SIX = "first,last_touch,linear,set_linear,position,markov"
TIMEOUT_S = 900
PEERS = {
    "ChannelAttribution: three rules, markov": """
import sys, pandas, ChannelAttribution as ca
data = pandas.read_csv(sys.argv[1])
columns = dict(var_path="path", var_conv="total_conversions", var_value="total_conversion_value", flg_pro=False)
ca.heuristic_models(data, **columns)
ca.markov_model(data, var_null="total_null", verbose=False, **columns)
""",
    "marketing_attribution_models: four rules, markov": """
import sys, polars
from mam import MAM
data = polars.read_csv(sys.argv[1]).with_columns(
    times=polars.col("total_conversions") + polars.col("total_null"), converts=polars.col("total_conversions") > 0
)
mam = MAM(data, "grouped_journey", "path", "converts", occurrences_colname="times",
          conversion_value_colname="total_conversion_value")
for run in (mam.run_first_click, mam.run_last_click, mam.run_linear, mam.run_position_based, mam.run_markov):
    run()
""",
}


def run(folder: Path) -> Iterator[Result]:
    """Measure seconds of processes, including start; for Clew the median of three."""
    small, large = folder / "small.csv", folder / "large.csv"
    write_path_table(small, SMALL_PATHS, CHANNELS)
    write_path_table(large, PATHS, CHANNELS)
    cold = _clew(small, SIX, {"NUMBA_CACHE_DIR": str(folder / "cache")})
    yield Result("model: six of 10,000 paths, nothing compiled yet", cold, "s")
    warm = sorted(_clew(small, SIX, {}) for _ in range(3))[1]
    yield Result("model: six of 10,000 paths", warm, "s")
    ours = sorted(_clew(large, SIX, {}) for _ in range(3))[1]
    python = os.environ.get("CLEW_BENCH_PEERS", sys.executable)
    for peer, code in PEERS.items():
        seconds, said = _timed([python, "-c", code, str(large)], {})
        if said:
            yield Result("model: six of 1 M paths, 200 channels", ours, "s", note=f"{peer} did not run: {said}")
        else:
            yield Result("model: six of 1 M paths, 200 channels", ours, "s", peer, seconds, f"{seconds / ours:.0f} x")


def _clew(file: Path, models: str, environment: dict[str, str]) -> float:
    seconds, said = _timed([sys.executable, "-m", "clew", "model", str(file), "--model", models, "--json"], environment)
    if said:
        raise RuntimeError(said)
    return seconds


def _timed(command: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """Return the seconds and the last line of the error output."""
    started = time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, env={**os.environ, **environment}, check=False
    )
    seconds = time.perf_counter() - started
    return seconds, "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no word"])[-1]
