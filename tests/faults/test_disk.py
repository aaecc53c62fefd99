"""Full, read-only and damaged disks: visitors are redirected, postbacks answer 503, nothing acknowledged is lost."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import loopback
from tests.commands import fork
from tests.serving import SECRET, Serving, serving


def until(holds: Callable[[], Any], timeout_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline_s, "it did not come to hold in time"
        time.sleep(0.05)


def click(server: Serving, link: str = "bl-shoes") -> httpx.Response | None:
    try:
        return loopback.get(f"{server.url}/c/{link}", follow_redirects=False, timeout=30)
    except httpx.TransportError:
        return None


def verdict(answer: httpx.Response | None) -> tuple[int, str]:
    return (answer.status_code, answer.headers.get("clew-verdict", "")) if answer is not None else (0, "")


def sale(server: Serving, number: int, click_id: str) -> httpx.Response:
    query = {"click_id": click_id, "secret": SECRET, "txn_id": f"t{number}", "amount": "10"}
    return loopback.get(f"{server.url}/postback", params=query)


def click_id_of(answer: httpx.Response | None) -> str:
    assert answer is not None
    return answer.headers["location"].partition("cid=")[2].partition("&")[0]


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path]:
    """A file system of its own, that can be filled."""
    image, mounted = folder / "disk.img", folder / "disk"
    mounted.mkdir()
    commands = (
        ["truncate", "-s", f"{mib}M", str(image)],
        ["mkfs.ext4", "-q", "-m", "0", str(image)],
        ["mount", "-o", "loop", str(image), str(mounted)],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()[:200]}")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=False)


def fill(folder: Path) -> Path:
    """A file that takes the last byte of a disk."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 4_096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return filler


def test_a_full_disk_redirects_and_refuses_postbacks_also_after_a_restart(tmp_path: Path) -> None:
    with small_disk(tmp_path, 96) as disk, serving(disk) as server:
        known = click_id_of(click(server))
        assert sale(server, 0, known).json()["verdict"] == "accepted"
        filler = fill(disk)
        assert verdict(click(server)) == (302, "unrecorded")
        assert click(server, "nope") is not None
        answer = sale(server, 1, known)
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        assert loopback.get(f"{server.url}/nothing").status_code == 404  # a series of metrics that was not there yet
        assert loopback.get(f"{server.url}/readyz").status_code == 503
        (edge,) = server.pids_of("edge")
        os.kill(edge, signal.SIGKILL)
        until(lambda: verdict(click(server)) == (302, "unrecorded"))
        filler.unlink()
        until(lambda: verdict(click(server)) == (302, "accepted"))
        assert sale(server, 1, known).json()["verdict"] == "accepted"
        server.settle()
        assert server.json("audit")["ok"]
        assert server.log.read_bytes().count(b"\n") < 400


def test_a_start_on_a_read_only_disk_redirects(tmp_path: Path) -> None:
    """A directory of an earlier run, on a disk that cannot be written."""
    with small_disk(tmp_path, 96) as disk:
        server = Serving(disk)
        server.log = tmp_path / "serve.log"
        try:
            server.start()
            known = click_id_of(click(server))
            assert server.stop() == 0
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            server.spawn()
            until(lambda: verdict(click(server)) == (302, "unrecorded"))
            assert sale(server, 1, known).status_code == 503
            assert loopback.get(f"{server.url}/readyz").status_code == 503
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            until(lambda: verdict(click(server)) == (302, "accepted"))
            assert sale(server, 1, known).json()["verdict"] == "accepted"
        finally:
            server.kill()


def damage(path: Path, offset: int = 0, size: int = 4_096 * 3) -> None:
    """Overwrite pages of a file, its log of changes included."""
    for name in (path, path.with_name(path.name + "-wal")):
        if name.exists() and name.stat().st_size > offset:
            with name.open("r+b") as file:
                file.seek(offset)
                file.write(os.urandom(min(size, name.stat().st_size - offset)))


def test_damaged_positions_are_set_aside(tmp_path: Path) -> None:
    server = Serving(tmp_path)
    try:
        server.start()
        for _ in range(5):
            assert verdict(click(server)) == (302, "accepted")
        server.settle()
        assert server.stop() == 0
        damage(server.data / "log" / "positions.sqlite")
        server.start()
        assert verdict(click(server)) == (302, "accepted")
        server.settle()
        assert server.sql("SELECT count() AS n FROM clicks") == [{"n": 6}]
        assert server.json("audit")["ok"]
        assert list((server.data / "log").glob("positions.sqlite.damaged-*"))
        assert b"file_set_aside" in server.log.read_bytes()
    finally:
        server.kill()


@pytest.mark.parametrize("name", ["conversions-0.sqlite", "hits-1.sqlite"])
def test_a_damaged_log_redirects_and_says_so(tmp_path: Path, name: str) -> None:
    server = Serving(tmp_path)
    try:
        server.start()
        known = click_id_of(click(server))
        assert sale(server, 0, known).json()["verdict"] == "accepted"
        server.settle()
        assert server.stop() == 0
        damage(server.data / "log" / name, size=100)
        server.spawn()
        until(lambda: verdict(click(server))[0] == 302)
        expected = "unrecorded" if name.startswith("hits") else "accepted"
        assert verdict(click(server)) == (302, expected)
        answer = sale(server, 1, known)
        assert answer.status_code == (200 if name.startswith("hits") else 503)
        ready = loopback.get(f"{server.url}/readyz")
        assert ready.status_code == 503 and name in ready.text and "backup" in ready.text
        size = server.log.stat().st_size
        time.sleep(2)
        for number in range(50):
            sale(server, number + 2, known)
        assert server.log.stat().st_size - size < 60_000
    finally:
        server.kill()


def test_a_file_that_is_damaged_in_the_middle_is_not_called_ready(tmp_path: Path) -> None:
    """The probe writes other pages than appends do: what failed as damage stays told until an append succeeds."""
    with serving(tmp_path) as server:
        known = click_id_of(click(server))
        for number in range(30):
            sale(server, number, known)
        path = server.data / "log" / "conversions-0.sqlite"
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'keys'").fetchone()
        (edge,) = server.pids_of("edge")
        damage(path, offset=(root - 1) * 4_096, size=4_096)
        os.kill(edge, signal.SIGKILL)
        until(lambda: click(server) is not None)
        until(lambda: sale(server, 100, known).status_code == 503)
        for _ in range(3):
            assert loopback.get(f"{server.url}/readyz").status_code == 503
        assert verdict(click(server)) == (302, "accepted")


# ------------------------------------------------------------------------------------------------------- processes


def test_lost_keys_are_never_made_again(tmp_path: Path) -> None:
    server = Serving(tmp_path)
    try:
        server.start()
        known = click_id_of(click(server))
        keys = server.data / "keys.toml"
        saved = keys.read_bytes()
        keys.unlink()
        (edge,) = server.pids_of("edge")
        os.kill(edge, signal.SIGKILL)
        until(lambda: b"keys new --give-up-issued-ids" in server.log.read_bytes())
        assert not keys.exists()
        keys.write_bytes(saved)
        keys.chmod(0o600)
        until(lambda: verdict(click(server)) == (302, "accepted"))
        assert sale(server, 1, known).json()["verdict"] == "accepted"
        server.stop()
        keys.unlink()
        server.spawn()
        assert server.parent is not None
        assert server.parent.wait(60) == 4 and not keys.exists()
        assert "Traceback" not in server.log.read_text()
        refused = fork.clew("keys", "new", "--data", str(server.data))
        assert refused.returncode == 2 and "--give-up-issued-ids" in refused.stderr
        server.clew("keys", "new", "--give-up-issued-ids")
        server.start()
        assert sale(server, 2, known).status_code == 404
    finally:
        server.kill()


def test_children_do_not_import_from_the_working_directory(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / "orjson.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').write('ran')\nraise SystemExit(9)\n")
    (trap / "runtime").mkdir()
    (trap / "runtime" / "__init__.py").write_text("")
    (trap / ".env").write_text("CLEW_SERVE__DRAIN_TIMEOUT_S=nonsense\n")
    server = Serving(tmp_path)
    try:
        with server.log.open("ab") as log:
            script = (
                "import sys; sys.path.pop(0) if sys.path[0] == '' else None; from clew.__main__ import main; main()"
            )
            words = ("serve", "--data", str(server.data), "--program", str(server.program))
            ports = ("--port", str(server.port), "--api-port", str(server.api_port))
            server.parent = subprocess.Popen(
                [sys.executable, "-P", "-c", script, *words, *ports],
                cwd=trap,
                stdout=log,
                stderr=log,
                env=server.environment,
            )
        server.wait_ready()
        assert verdict(click(server)) == (302, "accepted")
        assert not (tmp_path / "ran").exists()
    finally:
        server.kill()


def test_a_child_that_hangs_is_killed_and_started_again(tmp_path: Path) -> None:
    with serving(tmp_path, environment={"CLEW_SERVE__HANG_TIMEOUT_S": "20"}) as server:
        (edge,) = server.pids_of("edge")
        time.sleep(2.5)  # it has said once that it runs
        os.kill(edge, signal.SIGSTOP)
        until(lambda: server.pids_of("edge") not in ([edge], []))
        until(lambda: verdict(click(server)) == (302, "accepted"))
        assert b"child_hangs" in server.log.read_bytes()


def test_metrics_are_not_on_the_data_disk_and_can_go(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        click(server)
        (folder,) = {
            Path(line.rpartition(" ")[2]).parent
            for line in Path(f"/proc/{server.pids_of('edge')[0]}/maps").read_text().splitlines()
            if "clew-metrics-" in line
        }
        assert server.data not in folder.parents and stat.S_IMODE(folder.stat().st_mode) == 0o700
        for file in folder.glob("*.db"):
            file.unlink()
        (edge,) = server.pids_of("edge")
        os.kill(edge, signal.SIGKILL)
        until(lambda: verdict(click(server)) == (302, "accepted"))
        assert loopback.get(f"{server.url}/metrics").status_code == 200
        assert server.stop() == 0
        assert not folder.exists()


def test_counters_survive_a_restart_in_one_file(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        for _ in range(3):
            click(server)
            (edge,) = server.pids_of("edge")
            os.kill(edge, signal.SIGKILL)
            until(lambda edge=edge: server.pids_of("edge") not in ([edge], []))  # type: ignore[misc]
            until(lambda: click(server) is not None)
        until(lambda: accepted_clicks(server) >= 4)


def accepted_clicks(server: Serving) -> float:
    lines = loopback.get(f"{server.url}/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines
               if line.startswith('clew_hits_total{kind="click",verdict="acc'))  # fmt: skip


def test_everything_under_the_data_directory_is_private(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "lost+found").mkdir(parents=True, mode=0o755)
    (data / "log").mkdir(mode=0o755)
    (data / "log" / "old").write_text("x")
    for path in (data, data / "log" / "old"):
        path.chmod(0o777)
    before = os.umask(0)
    try:
        with serving(tmp_path) as server:
            click(server)
            server.settle()
            assert server.stop() == 0
    finally:
        os.umask(before)
    loose = [
        (str(path.relative_to(data)), oct(path.stat().st_mode))
        for path in (data, *data.rglob("*"))
        if path.stat().st_mode & 0o077 and not path.is_symlink()
    ]
    assert loose == []


def test_a_program_from_a_pipe_is_read_once(tmp_path: Path) -> None:
    server = Serving(tmp_path)
    words = f"serve --data {server.data} --port {server.port} --api-port {server.api_port}"
    try:
        with server.log.open("ab") as log:
            script = f"exec {sys.executable} -m clew {words} --program <(cat {server.program})"
            server.parent = subprocess.Popen(["bash", "-c", script], stdout=log, stderr=log)
        server.wait_ready()
        assert verdict(click(server)) == (302, "accepted")
        assert (server.data / "program.toml").read_text() == server.program.read_text()
    finally:
        server.kill()


def test_too_few_descriptors_are_refused_in_one_sentence(tmp_path: Path) -> None:
    server = Serving(tmp_path)
    script = (
        f"ulimit -n 64; exec {sys.executable} -m clew serve --data {server.data} --program {server.program} --port 0"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 4 and "64 files" in done.stderr and "Traceback" not in done.stderr
