"""`clew serve` runs pages and jobs as children; `clew web` runs them alone, on either database."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests import loopback
from tests.commands import fork
from tests.control.databases import NoPostgres, own_postgres, postgres_database
from tests.flow.operator import wait_until
from tests.servers.skip import skip_or_fail
from tests.serving import Serving, free_port, serving


def _until_status(url: str, status: int, timeout_s: float = 90) -> httpx.Response:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            answer = loopback.get(url, timeout=5)
            if answer.status_code == status:
                return answer
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, url
        time.sleep(0.05)


def _kill_and_wait_for_another(server: Serving, kind: str) -> None:
    (before,) = server.pids_of(kind)
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + 90
    while (now := server.pids_of(kind)) == [before] or not now:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_serve_runs_pages_and_jobs_restarts_them_and_stops(tmp_path: Path) -> None:
    with serving(tmp_path, web=True) as server:
        wait_until(lambda: '"process": "jobs"' in server.log.read_text(), 90, "the first jobs worker runs")
        assert "csrfmiddlewaretoken" in loopback.get(f"{server.web}/accounts/login/").text
        assert stat.S_IMODE((server.data / "control.key").stat().st_mode) == 0o600
        assert stat.S_IMODE((server.data / "control.sqlite").stat().st_mode) == 0o600
        for kind in ("web", "jobs"):
            _kill_and_wait_for_another(server, kind)
        _until_status(f"{server.web}/readyz", 200)
        metrics = loopback.get(f"{server.web}/metrics").text
        assert 'clew_http_requests_total{route="web_accounts",status="200"}' in metrics
        assert server.stop() == 0
    said = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    assert {line.get("process") for line in said} >= {"web", "jobs", "engine", "edge-0"}
    assert "child_died" in {line["event"] for line in said}
    assert "child_killed" not in {line["event"] for line in said}


@contextmanager
def _web(*words: str, environment: dict[str, str]) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "clew", "web", "--port", str(port), *words], env={**os.environ, **environment}
    )
    try:
        _until_status(f"http://127.0.0.1:{port}/readyz", 200)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def test_web_on_postgresql_needs_no_data_directory() -> None:
    try:
        with own_postgres() as server, postgres_database(server, "web") as address:
            key = {"CLEW_WEB__SECRET_KEY": "k" * 40, "CLEW_WEB__URL": "https://partners.acme.example"}
            with _web("--control", str(address), environment=key) as url:
                page = loopback.get(f"{url}/accounts/login/", headers={"Host": "partners.acme.example"})
                assert page.status_code == 200 and "; Secure" in page.headers["set-cookie"]
                assert "max-age=31536000" in page.headers.get("strict-transport-security", "max-age=31536000")
                assert loopback.get(f"{url}/accounts/login/", headers={"Host": "evil.example"}).status_code == 400
    except NoPostgres as error:
        skip_or_fail(str(error))


@pytest.mark.parametrize(
    ("words", "environment", "code", "part"),
    [
        (["web", "--port", "0"], {}, 2, "--data DIR, or --control ADDRESS"),
        (["web", "--port", "0", "--control", "mysql:x"], {}, 2, "--control: "),
        (["jobs", "--control", ""], {}, 2, "--control is empty"),
        (["web", "--port", "0", "--control", "postgresql://c@127.0.0.1:1/c"], {}, 2, "CLEW_WEB__SECRET_KEY_FILE"),
        (
            ["jobs", "--control", "postgresql://c@127.0.0.1:1/c"],
            {"CLEW_CONTROL_PASSWORD": "hunter2"},
            4,
            "postgresql://c@127.0.0.1:1/c cannot be opened",
        ),
    ],
)
def test_mistakes_are_one_sentence(words: list[str], environment: dict[str, str], code: int, part: str) -> None:
    done = fork.clew(*words, env={**os.environ, **environment})
    assert done.returncode == code, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert part in last and "hunter2" not in done.stderr
