"""The parent process: one per directory, children that come back, children that end with it."""

import os
import signal
import time
from pathlib import Path

from tests import loopback
from tests.serving import Serving, alive, serving, wait_gone


def test_a_second_parent_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        other = tmp_path / "other"
        other.mkdir()
        second = Serving(other)
        second.data = first.data
        before = (first.data / "program.toml").read_text()
        second.program.write_text(before.replace("Blue Lagoon", "Somebody"))
        second.spawn()
        assert second.parent is not None
        assert second.parent.wait(60) == 4
        assert "another `clew serve` runs on" in second.log.read_text()
        assert (first.data / "program.toml").read_text() == before
        assert loopback.get(f"{first.url}/readyz").status_code == 200


def test_children_come_back_and_end_with_the_parent(tmp_path: Path) -> None:
    with serving(tmp_path, workers=2) as server:
        before = [pid for pid, _ in server.children()]
        assert len(before) == 3  # the tests run no pages unless they ask for them
        assert not (server.data / "control.sqlite").exists()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_gone(before)
        server.wait_ready()
        deadline = time.monotonic() + 60
        while len(server.children()) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        after = [pid for pid, _ in server.children()]
        assert not set(after) & set(before)
        assert server.parent is not None
        server.parent.kill()
        server.parent.wait()
        wait_gone(after)
        assert not any(alive(pid) for pid in after)
        server.start()  # at once, on the same ports
        assert server.stop() == 0
