"""Path strings to codes, rules and the Markov chain, in CPU time of one thread, compared with Arrow and plain reads."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from attribution.paths.markov import count_transitions, removal_effects, states_of
from attribution.paths.path_table import PathTable, PathTableBuilder, string_buffers
from attribution.paths.rules import Rule, credit_paths
from attribution.paths.tokenize import Vocabulary, tokenize
from benchmarks.measure import Result
from benchmarks.path_tables import write_path_table

PATHS, CHANNELS = 1_000_000, 200
RULES = [Rule("first"), Rule("last_touch"), Rule("linear"), Rule("set_linear"), Rule("position", (40, 20, 40))]


def run(folder: Path) -> Iterator[Result]:
    """Measure the best of five calls each, to exclude noise of other processes."""
    file = folder / "paths.csv"
    touches = write_path_table(file, PATHS, CHANNELS)
    arrow = csv.read_csv(file)
    strings = arrow["path"].combine_chunks()
    bounds, data = string_buffers(strings)
    pa.set_cpu_count(1)

    seconds = _best(lambda: tokenize(bounds, data, b" > ", Vocabulary()))
    peer = _best(lambda: pc.dictionary_encode(pc.split_pattern(strings, " > ").flatten()))
    yield Result(
        "paths: strings to codes", touches / seconds / 1e6, "M touches/s", "Arrow split and dictionary",
        touches / peer / 1e6,
    )  # fmt: skip

    table = _table(arrow)
    codes = table.codes
    reading = touches / _best(lambda: codes.sum(dtype=np.int64)) / 1e6
    seconds = _best(lambda: credit_paths(table, RULES))
    yield Result(
        "paths: five rules in one scan", touches / seconds / 1e6, "M touches/s", "summing the codes", reading,
        "only converting paths are walked",
    )  # fmt: skip

    states = states_of(table, 1)
    seconds = _best(lambda: count_transitions(table, states))
    yield Result("paths: counts of markov", touches / seconds / 1e6, "M touches/s", "summing the codes", reading)
    chain = count_transitions(table, states)
    matrix = np.eye(CHANNELS) - np.random.default_rng(1).random((CHANNELS, CHANNELS)) / CHANNELS / 2
    inverse_ms = _best(lambda: np.linalg.inv(matrix)) * 1e3
    effects_ms = _best(lambda: removal_effects(chain, CHANNELS)) * 1e3
    yield Result("paths: markov after the counts, 200 channels", effects_ms, "ms", "one bare inverse", inverse_ms)

    def whole() -> None:
        read = _table(arrow)
        removal_effects(count_transitions(read, states_of(read, 1)), CHANNELS)

    yield Result("paths: markov from 1 M strings, whole", _best(whole) * 1e3, "ms", "", None, f"{touches:,} touches")


def _table(arrow: pa.Table) -> PathTable:
    builder = PathTableBuilder()
    for batch in arrow.to_batches():
        builder.add({name: batch.column(name) for name in arrow.column_names})
    return builder.build()


def _best(call: Callable[[], object], times: int = 5) -> float:
    call()  # compiles
    found = []
    for _ in range(times):
        started = time.process_time()
        call()
        found.append(time.process_time() - started)
    return min(found)
