"""A backup that is taken under load comes back whole: same reports, every record of its log, audit ok."""

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from operations.backup.manifest import read_manifest
from tests import loopback
from tests.commands.fork import clew
from tests.serving import API_KEY, Serving, serving

pytestmark = [pytest.mark.slow]


def send(url: str, first: int, count: int) -> None:
    """Clicks, each with a conversion."""
    lines: list[dict[str, Any]] = []
    for n in range(first, first + count):
        lines.append({"type": "click", "id": f"c{n}", "ts": f"2026-01-0{n % 9 + 1}T10:00:00Z", "offer_id": 101,
                      "partner_id": 7 + n % 2, "visitor_id": f"v{n}"})  # fmt: skip
        lines.append({"type": "conversion", "id": f"o{n}", "ts": f"2026-01-2{n % 9}T10:00:00Z",
                      "click_ref": f"c{n}", "offer_id": 101, "txn_id": f"t{n}", "amount": "20.00"})  # fmt: skip
    answer = loopback.post(
        f"{url}/v1/events", content="\n".join(map(json.dumps, lines)),
        headers={"Authorization": f"Bearer {API_KEY}"}, timeout=60,
    )  # fmt: skip
    assert all(json.loads(line)["verdict"] == "accepted" for line in answer.text.splitlines())


def under_load(url: str, work: Callable[[], None]) -> None:
    """Do something while events come in."""
    stop = threading.Event()

    def load() -> None:
        first = 10_000
        while not stop.is_set():
            send(url, first, 20)
            first += 20

    sender = threading.Thread(target=load)
    sender.start()
    try:
        work()
    finally:
        stop.set()
        sender.join()


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A backup of an installation that goes on working meanwhile."""
    folder = tmp_path_factory.mktemp("backup")
    with serving(folder) as server:
        send(server.url, 0, 300)
        server.settle()
        server.clew("user", "add", "ann@acme.example", "--role", "owner")
        under_load(server.url, lambda: server.json("backup", str(folder / "copy")) and None)
        server.settle()
        assert server.json("audit")["ok"]
        assert server.stop() == 0
    yield folder / "copy"


def test_it_comes_back_whole_and_works_on(backup: Path, tmp_path: Path) -> None:
    manifest = read_manifest(backup)
    assert manifest.rows("clicks") >= 300
    server = Serving(tmp_path)
    done = clew("restore", str(backup), "--data", str(server.data), "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["ok"]
    assert answer["lost"] == 0
    assert {name: count for name, count in answer["rows"].items() if count} == {
        name: manifest.rows(name) for name in manifest.tables if manifest.rows(name)
    }
    records = {file.name: file.rows for file in manifest.log}
    assert sum(records.values()) >= 600
    [row] = server.sql("SELECT (SELECT count() FROM clicks) AS hits, (SELECT count() FROM conversions) AS conversions")
    assert int(row["hits"]) == records["log/hits-0.sqlite"]
    assert int(row["conversions"]) == records["log/conversions-0.sqlite"]
    [paid] = server.sql("SELECT sum(amount) AS total FROM commissions")
    assert float(paid["total"]) == pytest.approx(2.90 * int(row["conversions"]))
    assert (server.data / "keys.toml").stat().st_mode & 0o777 == 0o600
    assert [person["email"] for person in server.json("user", "list")["items"]] == ["ann@acme.example"]
    assert "audit events outside their hash chain" in [check["name"] for check in answer["audit"]["checks"]]
    try:
        server.start()
        again = {"type": "conversion", "id": "o1", "ts": "2026-01-21T10:00:00Z", "click_ref": "c1", "offer_id": 101,
                 "txn_id": "t1", "amount": "20.00"}  # fmt: skip
        told = loopback.post(
            f"{server.url}/v1/events", content=json.dumps(again), headers={"Authorization": f"Bearer {API_KEY}"}
        )
        assert told.json()["verdict"] == "duplicate"
        send(server.url, 50_000, 1)
        server.settle()
        assert server.json("audit")["ok"]
        assert server.stop() == 0
    finally:
        server.kill()


def test_only_into_an_empty_installation(backup: Path, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        send(server.url, 0, 1)
        server.settle()
        assert server.stop() == 0
    done = clew("restore", str(backup), "--data", str(server.data))
    assert done.returncode == 2
    assert "is there already" in done.stderr


def test_damage_is_found_before_anything_is_written(backup: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(backup, damaged)
    [one, *_] = (damaged / "tables" / "credits").iterdir()
    with one.open("r+b") as file:
        file.seek(100)
        byte = file.read(1)[0]
        file.seek(100)  # the very byte, so that it differs for certain
        file.write(bytes([byte ^ 1]))
    done = clew("restore", str(damaged), "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert "credits" in done.stderr
    assert not (tmp_path / "data").exists()
    os.unlink(damaged / "manifest.json")
    assert clew("restore", str(damaged), "--data", str(tmp_path / "data")).returncode == 4


def test_a_backup_goes_into_a_new_directory(backup: Path, tmp_path: Path) -> None:
    done = clew("backup", str(backup), "--data", str(tmp_path))
    assert done.returncode == 2
    assert "not empty" in done.stderr
