"""Runs one benchmark in a directory of its own; a module of its own, so that spawned processes find it."""

import importlib
import tempfile
from pathlib import Path

from benchmarks.measure import Result


def run_one(name: str) -> list[Result]:
    """Every result of `benchmarks/bench_<name>.py`."""
    with tempfile.TemporaryDirectory(prefix="clew-bench-") as folder:
        return list(importlib.import_module(f"benchmarks.bench_{name}").run(Path(folder)))
