"""Metrics: each name is listed once with its sentence, and processes of one directory add up."""

import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from runtime import metrics
from runtime.metrics import COUNTERS, GAUGES, HISTOGRAMS, CounterName, GaugeName, HistogramName
from runtime.settings import child_environment
from tests.conftest import ROOT


def test_every_name_is_listed_once() -> None:
    lists: list[tuple[object, dict[Any, Any]]] = [
        (CounterName, COUNTERS), (GaugeName, GAUGES), (HistogramName, HISTOGRAMS),
    ]  # fmt: skip
    names = [name for names, _ in lists for name in get_args(names)]
    assert len(names) == len(set(names))
    for literal, listed in lists:
        assert set(get_args(literal)) == set(listed)


LISTED = [*COUNTERS.items(), *GAUGES.items(), *HISTOGRAMS.items()]


@pytest.mark.parametrize(("name", "told"), LISTED)
def test_a_name_says_its_unit(name: str, told: tuple[str, tuple[str, ...]]) -> None:
    doc, labels = told
    assert name.startswith("clew_") and doc.endswith(".") and all(label.islower() for label in labels)
    assert name.endswith("_total") == (name in COUNTERS)
    assert name.endswith("_seconds") == (name in HISTOGRAMS)


def test_what_is_counted_is_shown() -> None:
    before = metrics.exposition().decode()
    metrics.count("clew_log_appends_total", 3, topic="test topic")
    metrics.gauge("clew_attribution_pending_conversions", 5)
    metrics.observe("clew_log_commit_seconds", 0.003)
    shown = metrics.exposition().decode()
    assert 'clew_log_appends_total{topic="test topic"} 3.0' in shown and "test topic" not in before
    assert "clew_attribution_pending_conversions 5.0" in shown
    assert 'clew_log_commit_seconds_bucket{le="0.005"}' in shown
    assert "# HELP clew_log_appends_total Records made durable, by topic." in shown


CHILD = """
from runtime import metrics
metrics.count("clew_log_appends_total", 2, topic="hits")
metrics.observe("clew_log_commit_seconds", 0.5)
print(metrics.exposition().decode())
"""


def test_processes_of_one_directory_add_up(tmp_path: Path) -> None:
    environment = child_environment({"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)})
    command = [sys.executable, "-c", CHILD]
    for times in (1, 2):
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        assert f'clew_log_appends_total{{topic="hits"}} {times * 2}.0' in done.stdout
        assert f"clew_log_commit_seconds_count {times}.0" in done.stdout
