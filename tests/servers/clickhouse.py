"""A ClickHouse server for tests: one that is given, one in docker, or the engine of the chdb-core wheel.

`CLEW_TEST_CLICKHOUSE=clickhouse://user:password@host:8123` names a given one; it needs a user who may create databases,
and is never killed. Otherwise docker is taken where it runs, else the wheel, which is the same engine.
"""

import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from tests.servers.clickhouse_config import CONFIG_XML, USERS_XML

ROOT = Path(__file__).resolve().parents[2]
USER, PASSWORD = "clew", "not:a/secret@all"
ANALYST, ANALYST_PASSWORD = "analyst", "look only"
IMAGE = "clickhouse/clickhouse-server:26.8"
READY_TIMEOUT_S = 30


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class GivenServer:
    """A server that somebody else runs."""

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self.host, self.port, self.user, self.password = host, port, user, password

    def address(self, database: str, user: str | None = None) -> str:
        """As `--warehouse` takes it, without the password."""
        return f"clickhouse://{quote(user or self.user, safe='')}@{self.host}:{self.port}/{database}"

    def ask(self, sql: str, user: str | None = None, password: str | None = None) -> str:
        """The answer to a statement, past every adapter. Raises OSError, or ValueError with the server's words."""
        head = {"X-ClickHouse-User": user or self.user, "X-ClickHouse-Key": password or self.password}
        request = urllib.request.Request(f"http://{self.host}:{self.port}/", sql.encode(), head)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text: str = answer.read().decode().strip()
                return text
        except urllib.error.HTTPError as error:
            raise ValueError(error.read().decode("utf-8", "replace")) from None


class ClickHouseServer(GivenServer):
    """A server of our own in a folder. `start` it, then kill, pause and restart it as you like; ports stay."""

    def __init__(self, folder: Path) -> None:
        super().__init__("127.0.0.1", free_port(), USER, PASSWORD)
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.tcp_port = free_port()
        self.configure()
        users = {"user": USER, "password": PASSWORD, "analyst": ANALYST, "analyst_password": ANALYST_PASSWORD}
        (folder / "users.xml").write_text(USERS_XML.format(**users))
        self._pipe = folder / "control"
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, clusters: str = "") -> None:
        """Write its configuration; read at the next start."""
        self._write_config(
            port=self.port, tcp_port=self.tcp_port, listen=self.host, folder=self.folder, clusters=clusters
        )

    def _write_config(self, **fields: object) -> None:
        (self.folder / "config.xml").write_text(CONFIG_XML.format(**fields))

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._pipe.unlink(missing_ok=True)
        os.mkfifo(self._pipe)
        command = [sys.executable, "-m", "tests.servers.clickhouse_child", str(self.folder / "data"), str(self._pipe)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._wait_ready()

    def kill(self) -> None:
        """SIGKILL, as a power cut that the disk survives."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """A clean end; also of a server that is dead or paused."""
        if self._process is None or self._process.poll() is not None:
            return
        self.resume()
        with contextlib.suppress(OSError):  # no reader: it is not that far yet
            os.close(os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK))
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def remove(self) -> None:
        """The quick end, of a server whose folder nobody needs again."""
        if self._alive():
            self.kill()

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline and self._alive():
            with contextlib.suppress(OSError, ValueError):
                self.ask("SELECT 1")
                return
            time.sleep(0.02)
        log = self.folder / "server.log"
        said = log.read_text(errors="replace")[-2_000:] if log.is_file() else ""
        self.stop()
        raise RuntimeError(f"the ClickHouse server in {self.folder} does not start: {said}")


class DockerServer(ClickHouseServer):
    """The official image with the same users and settings."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._name = f"clew-test-clickhouse-{os.getpid()}-{self.port}"

    def configure(self, clusters: str = "") -> None:
        self._write_config(port=8123, tcp_port=9000, listen="0.0.0.0", folder="/var/lib/clickhouse", clusters=clusters)

    def start(self) -> None:
        if _docker("container", "inspect", self._name):
            _docker("start", self._name)
        else:
            config, users = self.folder / "config.xml", self.folder / "users.xml"
            _docker(
                "run", "--detach", "--name", self._name, "--publish", f"127.0.0.1:{self.port}:8123",
                "--volume", f"{config}:/etc/clickhouse-server/config.xml:ro",
                "--volume", f"{users}:/etc/clickhouse-server/users.xml:ro", IMAGE,
            )  # fmt: skip
        self._wait_ready()

    def kill(self) -> None:
        _docker("kill", self._name)

    def pause(self) -> None:
        _docker("pause", self._name)

    def resume(self) -> None:
        _docker("unpause", self._name)

    def stop(self) -> None:
        _docker("stop", self._name)

    def remove(self) -> None:
        _docker("rm", "--force", "--volumes", self._name)

    def _alive(self) -> bool:
        return True


def _docker(*arguments: str) -> bool:
    done = subprocess.run(["docker", *arguments], capture_output=True, timeout=300)
    return done.returncode == 0


@functools.cache
def _docker_runs() -> bool:
    """A command named docker is not enough: its service has to answer."""
    if shutil.which("docker") is None:
        return False
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(["docker", "info"], capture_output=True, timeout=10).returncode == 0
    return False


def given_server() -> GivenServer | None:
    """The server that the environment names."""
    named = os.environ.get("CLEW_TEST_CLICKHOUSE")
    if not named:
        return None
    url = urlsplit(named)
    user, password = unquote(url.username or "default"), unquote(url.password or "")
    return GivenServer(url.hostname or "127.0.0.1", url.port or 8123, user, password)


@contextlib.contextmanager
def own_server(folder: Path) -> Iterator[ClickHouseServer]:
    """A server that may be killed. Raises RuntimeError where none can be had."""
    server = DockerServer(folder) if _docker_runs() else ClickHouseServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.remove()
