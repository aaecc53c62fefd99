"""Stations while no server is there: a tracker redirects and spills, the others say what they miss and end."""

import os
import signal
from pathlib import Path

import pytest

from tests import loopback
from tests.commands import fork
from tests.servers.installation import Station
from tests.serving import BROWSER, PROGRAM, SECRET, free_port

PASSWORD = "hunter2"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.toml"
    path.write_text(PROGRAM)
    return path


def nowhere(**more: str) -> dict[str, str]:
    """An environment whose servers do not answer."""
    return {
        **os.environ,
        "CLEW_SERVE__WEB": "false",
        "CLEW_LOG": f"kafka://clew:{PASSWORD}@127.0.0.1:{free_port()}",
        "CLEW_WAREHOUSE": f"clickhouse://clew:{PASSWORD}@127.0.0.1:{free_port()}/clew",
        **more,
    }


def run(*words: str, environment: dict[str, str]) -> tuple[int, str]:
    done = fork.clew(*words, env=environment)
    assert PASSWORD not in done.stdout + done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("ingest", "--metrics-port", "0"),
        ("attribute", "--follow"),
        ("api", "--port", "0"),
        ("report", "kpi"),
        ("serve", "--port", "0", "--api-port", "0", "--data", "{data}"),
    ],
    ids=lambda words: words[0],
)
def test_servers_that_do_not_answer_are_exit_code_4(words: tuple[str, ...], program: Path) -> None:
    told = [word.format(data=program.parent / "data") for word in words]
    code, said = run(*told, "--program", str(program), environment=nowhere())
    assert code == 4
    assert "clickhouse://clew@127.0.0.1" in said


@pytest.mark.parametrize(
    "words", [("ingest", "--metrics-port", "0"), ("attribute", "--follow"), ("tracker", "--port", "0")]
)
def test_one_machine_has_no_stations(words: tuple[str, ...], program: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("CLEW_LOG", "CLEW_WAREHOUSE")}
    data = str(program.parent / "data")
    code, said = run(*words, "--data", data, "--program", str(program), environment=environment)
    assert code == 2
    assert "clew serve" in said


def test_to_follow_takes_a_program(program: Path) -> None:
    code, said = run("attribute", "--follow", environment=nowhere())
    assert code == 2
    assert "--program" in said


def test_a_tracker_works_alone(tmp_path: Path, program: Path) -> None:
    port = free_port()
    words = ("tracker", "--port", str(port), "--data", str(tmp_path / "data"), "--program", str(program))
    station = Station("tracker", words, port, tmp_path / "tracker.log", nowhere())
    station.spawn()
    try:
        station.wait_ready()
        assert "Kafka is unavailable" in loopback.get(f"{station.url}/readyz").text
        answer = loopback.get(f"{station.url}/c/bl-shoes", headers={"User-Agent": BROWSER})
        assert (answer.status_code, answer.headers["Clew-Verdict"]) == (302, "accepted")
        assert station.metric("clew_spill_records") == 1
        program.write_text(PROGRAM.replace("bl-shoes", "new-shoes"))
        station.send(signal.SIGHUP)
        while (
            loopback.get(f"{station.url}/c/new-shoes", headers={"User-Agent": BROWSER}).headers["Clew-Verdict"]
            != "accepted"
        ):
            pass  # the test's own timeout ends it
        click_id = answer.headers["Location"].split("cid=")[1].split("&")[0]
        query = {"click_id": click_id, "txn_id": "t1", "amount": "1.00", "secret": SECRET}
        refused = loopback.get(f"{station.url}/postback", params=query)  # not even the number of partitions is known
        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
        assert station.stop() == 0
    finally:
        station.kill()
    assert PASSWORD not in station.log.read_text()


def test_serve_starts_again_without_its_servers(tmp_path: Path, program: Path) -> None:
    """Not for the first time, but where it has served before, its edges answer and spill until they are back."""
    port, data = free_port(), tmp_path / "data"
    (data / "spill").mkdir(parents=True)
    words = ("serve", "--port", str(port), "--api-port", "0", "--data", str(data), "--program", str(program))
    station = Station("serve", words, port, tmp_path / "serve.log", nowhere())
    station.spawn()
    try:
        station.wait_ready()
        answer = loopback.get(f"{station.url}/c/bl-shoes", headers={"User-Agent": BROWSER})
        assert (answer.status_code, answer.headers["Clew-Verdict"]) == (302, "accepted")
        assert station.stop() == 0
    finally:
        station.kill()
    said = station.log.read_text()
    assert "not_prepared" in said
    assert PASSWORD not in said
