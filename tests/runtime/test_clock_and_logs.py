"""Clocks give integers of microseconds; logs are one JSON object a line, with what a reader filters by."""

import json
import subprocess
import sys

from runtime.clock import ManualClock, SystemClock
from tests.conftest import ROOT


def test_the_system_clock() -> None:
    clock = SystemClock()
    first, span = clock.now_us(), clock.monotonic_s()
    assert type(first) is int
    assert first > 1_700_000_000_000_000  # seconds or milliseconds would be far less
    assert clock.monotonic_s() >= span


def test_the_manual_clock_stands_until_it_is_stepped() -> None:
    clock = ManualClock(1_000_000)
    assert (clock.now_us(), clock.now_us(), clock.monotonic_s()) == (1_000_000, 1_000_000, 1.0)
    clock.step_us(500_000)
    assert (clock.now_us(), clock.monotonic_s()) == (1_500_000, 1.5)


CHILD = """
from runtime.logs import configure_logs, logger
configure_logs("edge 1")
log = logger("tracker")
log.debug("not_shown")
log.info("started", port=8080)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
"""


def test_logs_are_json_lines_on_stderr() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    started, failed = (json.loads(line) for line in done.stderr.splitlines())
    assert (started["event"], started["process"], started["part"]) == ("started", "edge 1", "tracker")
    assert (started["level"], started["port"]) == ("info", 8080)
    assert started["timestamp"].endswith("Z")
    assert "ZeroDivisionError" in failed["exception"] and failed["level"] == "error"
