"""Helpers of benchmarks: result, name of the machine, quantiles."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """A figure with that of its peer or limit, both measured in the same run."""

    hop: str
    figure: float
    unit: str
    peer: str = ""
    peer_figure: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.figure / self.peer_figure if self.peer_figure else None

    def line(self) -> str:
        text = f"{self.hop:<44} {self.figure:>14,.1f} {self.unit}"
        if self.ratio is not None:
            text += f"   {self.ratio:.3f} x {self.peer} ({self.peer_figure:,.1f})"
        return text + (f"   {self.note}" if self.note else "")

    def json(self) -> dict[str, object]:
        return {**asdict(self), "ratio": self.ratio}


def machine() -> str:
    """Return processor and number of cores as reported by the operating system."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")]
    return (
        f"{models[0] if models else platform.processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )


def quantile(values: Sequence[float], q: float) -> float:
    """Return the q-quantile of at least one value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
