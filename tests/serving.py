"""A real `clew serve` for tests: free ports, a directory of its own, ended by process id."""

import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests import loopback
from tests.commands import fork

API_KEY = "test-key-for-events"
SECRET = "s3cret"
PROGRAM = f"""
[program]
name = "Test Partners"
currency = "USD"
timezone = "UTC"
fallback_url = "https://fallback.example/"
api_keys = ["{API_KEY}"]
trusted_proxies = ["127.0.0.1/32"]

[[partner]]
id = 7
name = "Blue Lagoon"

[[partner]]
id = 8
name = "Red Rock"

[[offer]]
id = 101
name = "Shoes"
landing_url = "https://shop.example/?cid={{click_id}}&p={{partner_id}}&s={{sub1}}"
allowed_hosts = ["shop.example", "*.shop.example"]
postback_secret = "{SECRET}"
goals = [{{ key = "1", name = "Purchase" }}, {{ key = "lead", name = "Lead" }}]

[[link]]
code = "bl-shoes"
offer = 101
partner = 7

[[link]]
code = "rr-shoes"
offer = 101
partner = 8

[[plan]]
offer = 101
goal = "1"
percent = "8.5"
fixed = "1.20 USD"

[[plan]]
offer = 101
goal = "lead"
fixed = "2.00 USD"

[attribution]
models = ["last_click", "linear"]
"""
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


def free_port() -> int:
    """A port that nobody has right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Serving:
    """One data directory and, while it runs, its parent process."""

    def __init__(
        self,
        folder: Path,
        program: str | None = PROGRAM,
        workers: int = 1,
        environment: dict[str, str] | None = None,
        *,
        web: bool = False,
    ):
        self.data = folder / "data"
        self.program = folder / "program.toml"
        self.follows = program is None
        """Without a program file the control plane's program rules."""
        if program is not None:
            self.program.write_text(program)
        self.workers = workers
        self.port, self.api_port, self.web_port = free_port(), free_port(), free_port()
        self.web = f"http://127.0.0.1:{self.web_port}" if web else ""
        self.url, self.api = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.api_port}"
        self.log = folder / "serve.log"
        self.environment = {**os.environ, "CLEW_SERVE__WEB": str(web).lower(), **(environment or {})}
        self.parent: fork.Process | None = None

    def start(self, ready_timeout_s: float = 100) -> "Serving":
        """Start and wait until its ports answer 200 on /readyz."""
        self.spawn()
        self.wait_ready(ready_timeout_s)
        return self

    def spawn(self) -> None:
        with self.log.open("ab") as log:
            words = [
                *("clew", "serve", "--data", str(self.data)),
                *(() if self.follows else ("--program", str(self.program))),
                *("--port", str(self.port), "--api-port", str(self.api_port), "--workers", str(self.workers)),
                *("--web-port", str(self.web_port)),
            ]
            self.parent = fork.spawn(words, log.fileno(), log.fileno(), self.environment)

    def wait_ready(self, timeout_s: float = 100) -> None:
        deadline = time.monotonic() + timeout_s
        for url in filter(None, (self.url, self.api, self.web)):
            while not _ready(url):
                assert self.parent is not None
                if self.parent.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"serve is not ready: {self.log.read_text()[-3000:]}")
                time.sleep(0.05)

    def stop(self, timeout_s: float = 60) -> int:
        """SIGTERM; the exit code."""
        assert self.parent is not None
        self.parent.send_signal(signal.SIGTERM)
        return self.parent.wait(timeout_s)

    def kill(self) -> None:
        """SIGKILL the parent and every child, and wait until they are gone."""
        if self.parent is None:
            return
        pids = [pid for pid, _ in self.children()]
        self.parent.kill()
        self.parent.wait()
        for pid in pids:
            _kill(pid)
        wait_gone(pids)

    def children(self) -> list[tuple[int, str]]:
        """(pid, name) of the living children; the name of a process, and its command line."""
        assert self.parent is not None
        return [(pid, name) for pid, parent, name in _processes() if parent == self.parent.pid]

    def pids_of(self, part: str) -> list[int]:
        """Pids of the children of one kind, such as `edge`."""
        module = re.compile(rf"^{part} | -m clew\.(processes\.)?{part}")
        return [pid for pid, name in self.children() if module.search(name)]

    def clew(self, *words: str, check: bool = True, timeout_s: float = 180) -> str:
        """Run a command on the directory; its standard output."""
        done = fork.clew(*words, "--data", str(self.data), timeout_s=timeout_s, env=self.environment)
        if (check and done.returncode) or done.returncode > 1:
            raise AssertionError(
                f"clew {words} ended with {done.returncode}: {done.stderr[-2000:]}\n{done.stdout[-2000:]}"
            )
        return done.stdout

    def json(self, *words: str, check: bool = True) -> Any:
        return json.loads(self.clew(*words, "--json", check=check))

    def sql(self, statement: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.json("sql", statement)["rows"]
        return rows

    def settle(self, timeout_s: int = 120) -> None:
        self.clew("attribute", "--wait", "--timeout", str(timeout_s), timeout_s=timeout_s + 60)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def wait_gone(pids: list[int], timeout_s: float = 60) -> None:
    """Until none of the processes is there any more."""
    deadline = time.monotonic() + timeout_s
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still there: {pids}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _processes() -> Iterator[tuple[int, int, str]]:
    """(pid, parent's pid, name and command line) of every living process."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state, parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            name = (folder / "comm").read_text().strip()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            yield int(folder.name), int(parent), f"{name} {command}"


def _ready(url: str) -> bool:
    try:
        return loopback.get(f"{url}/readyz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def serving(folder: Path, **options: Any) -> Iterator[Serving]:
    """A server that runs inside the block and is gone after it, whatever happens."""
    server = Serving(folder, **options)
    try:
        yield server.start()
    finally:
        server.kill()
