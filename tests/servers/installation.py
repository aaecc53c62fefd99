"""A whole installation on real servers: trackers, ingests, attribution workers, each a process that a test may kill."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests import loopback
from tests.commands import fork
from tests.serving import PROGRAM, alive, free_port, wait_gone

ANSWERS_IN_S = 90.0


@dataclass
class Station:
    """One process of an installation; it keeps its port and its directory over restarts."""

    name: str
    words: tuple[str, ...]
    port: int
    log: Path
    environment: dict[str, str]
    forked: bool = True
    """False starts Python anew, so that /proc shows the command line of the station itself."""
    process: fork.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def spawn(self) -> None:
        with self.log.open("ab") as log:
            if self.forked:
                self.process = fork.spawn(["clew", *self.words], log.fileno(), log.fileno(), self.environment)
            else:
                command = [sys.executable, "-m", "clew", *self.words]
                self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, also of one that is stopped, and wait until it is gone."""
        process = self.process  # meanwhile another thread may start the next
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()

    def stop(self, timeout_s: float = 60) -> int:
        """SIGTERM; the exit code."""
        self.send(signal.SIGTERM)
        assert self.process is not None
        return self.process.wait(timeout_s)

    def wait_ready(self, timeout_s: float = ANSWERS_IN_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not self.ready():
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} is not ready: {self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def ready(self) -> bool:
        try:
            return loopback.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def metric(self, name: str) -> float:
        """The sum of a metric's series."""
        text = loopback.get(f"{self.url}/metrics", timeout=5).text
        lines = [line for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    @property
    def memory_bytes(self) -> int:
        """Resident memory."""
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


class Installation:
    """Stations on one log and one warehouse. `folder` holds the trackers' directories and everything's output."""

    def __init__(
        self, folder: Path, log: str, warehouse: str, *, password: str = "", program: str = PROGRAM,
        trackers: int = 2, ingests: int = 2, attributes: int = 2, settings: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.program = folder / "program.toml"
        self.program.write_text(program)
        self.environment = {
            **os.environ,
            "CLEW_LOG": log,
            "CLEW_WAREHOUSE": warehouse,
            "CLEW_KEYS": str(folder / "keys.toml"),
            "CLEW_INGEST__POLL_INTERVAL_MS": "250",  # an idle ingest asks for every partition
            **({"CLEW_WAREHOUSE_PASSWORD": password} if password else {}),
            **(settings or {}),
        }
        self.trackers = [self._tracker(n) for n in range(trackers)]
        self.ingests = [self.new_ingest(f"ingest-{n}") for n in range(ingests)]
        self.attributes = [self._follower(f"attribute-{n}", "attribute", "--follow") for n in range(attributes)]

    @property
    def stations(self) -> list[Station]:
        return [*self.trackers, *self.ingests, *self.attributes]

    @property
    def urls(self) -> list[str]:
        return [tracker.url for tracker in self.trackers]

    def new_ingest(self, name: str) -> Station:
        """One more ingest, not started."""
        return self._follower(name, "ingest")

    def _tracker(self, number: int) -> Station:
        port, name = free_port(), f"tracker-{number}"
        data = self.folder / name
        words = ("tracker", "--port", str(port), "--data", str(data), "--program", str(self.program))
        return Station(name, words, port, self.folder / f"{name}.log", self.environment)

    def _follower(self, name: str, *words: str) -> Station:
        port = free_port()
        told = (*words, "--metrics-port", str(port), "--program", str(self.program))
        return Station(name, told, port, self.folder / f"{name}.log", self.environment)

    def start(self) -> "Installation":
        """Migrate, then start everything and wait until all of it is ready."""
        self.clew("migrate")
        for station in self.stations:
            station.spawn()
        for station in self.stations:
            station.wait_ready()
        return self

    def kill(self) -> None:
        """SIGKILL everything that still runs."""
        pids = [s.process.pid for s in self.stations if s.process is not None]
        for station in self.stations:
            station.kill()
        wait_gone([pid for pid in pids if alive(pid)])

    def clew(self, *words: str, check: bool = True, timeout_s: float = 300) -> str:
        """Run a command on the installation; its standard output."""
        done = fork.clew(*words, timeout_s=timeout_s, env=self.environment)
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
