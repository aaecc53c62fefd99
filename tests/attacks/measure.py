"""Measure what an attack does to an edge: its memory, other visitors, its log."""

import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.attacks.clients import visit
from tests.serving import Serving

PROBE_PAUSE_S = 0.02
VISITORS_MIN = 5


@dataclass(frozen=True, slots=True)
class Effect:
    name: str
    memory_mib: float
    """Growth of the edge's resident memory, at its peak."""
    p99_ms: float
    visitors: int
    unanswered: int
    log_lines: int
    note: str = ""

    def line(self) -> str:
        return (
            f"{self.name:36} +{self.memory_mib:7.1f} MiB   p99 {self.p99_ms:7.0f} ms   "
            f"{self.unanswered}/{self.visitors} unanswered   {self.log_lines} log lines   {self.note}"
        )


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def measure(server: Serving, name: str, attack: Callable[[], str]) -> Effect:
    """Run an attack while another client visits a link again and again."""
    (edge,) = server.pids_of("edge")
    before_mib, lines = resident_mib(edge), _lines(server.log)
    stop = threading.Event()
    waits_s: list[float | None] = []
    peak_mib = [before_mib]

    def probe() -> None:
        while not stop.is_set():
            waits_s.append(visit(server.port))
            stop.wait(PROBE_PAUSE_S)

    def watch() -> None:
        while not stop.is_set():
            peak_mib[0] = max(peak_mib[0], resident_mib(edge))
            stop.wait(0.01)

    threads = [threading.Thread(target=work) for work in (probe, watch)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    try:
        note = attack()
        time.sleep(0.2)
        while len(waits_s) < VISITORS_MIN:
            time.sleep(0.01)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    answered = sorted(wait for wait in waits_s if wait is not None)
    p99_s = answered[int(len(answered) * 0.99)] if answered else float("inf")
    return Effect(
        name, peak_mib[0] - before_mib, p99_s * 1_000, len(waits_s), len(waits_s) - len(answered),
        _lines(server.log) - lines, note,
    )  # fmt: skip


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0
