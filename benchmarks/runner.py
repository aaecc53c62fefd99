"""Run one benchmark in a temporary directory. A separate module, so that spawned processes can import it."""

import importlib
import tempfile
from pathlib import Path

from benchmarks.measure import Result


def run_one(name: str) -> list[Result]:
    """Return all results of `benchmarks/bench_<name>.py`."""
    with tempfile.TemporaryDirectory(prefix="clew-bench-") as folder:
        return list(importlib.import_module(f"benchmarks.bench_{name}").run(Path(folder)))
