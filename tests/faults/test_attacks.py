"""Attacks on a real edge, in a short form; `python -m tests.attacks` has them at full length."""

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.attacks.clients import ATTACKS, idle_connections
from tests.attacks.measure import measure
from tests.serving import Serving, serving

MEMORY_MIB_MAX = 64


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("attacked")) as running:
        yield running


@pytest.mark.parametrize("name", ATTACKS)
def test_memory_stays_bounded_and_visitors_are_answered(server: Serving, name: str) -> None:
    effect = measure(server, name, lambda: f"{ATTACKS[name](server.port, 16 << 20)}")
    assert effect.memory_mib < MEMORY_MIB_MAX, effect
    assert effect.unanswered == 0 and effect.visitors > 3, effect
    assert effect.log_lines < 20, effect


def test_visitors_are_answered_when_descriptors_run_out(server: Serving) -> None:
    (edge,) = server.pids_of("edge")
    subprocess.run(["prlimit", f"--pid={edge}", "--nofile=128:4096"], check=True)

    size = server.log.stat().st_size

    def crowd() -> str:
        with idle_connections(server.port, 300):
            while server.log.stat().st_size == size:
                time.sleep(0.05)  # the test's own timeout ends it
        return ""

    effect = measure(server, "descriptors", crowd)
    subprocess.run(["prlimit", f"--pid={edge}", "--nofile=4096:4096"], check=True)
    assert effect.unanswered <= 2, effect
    assert effect.log_lines > 0, "nothing was logged"
