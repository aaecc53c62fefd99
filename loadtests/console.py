"""Load the console and its API: signed-in people who read pages with pauses, and writers, on one web process."""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import httpx
import msgspec

from benchmarks.measure import machine
from loadtests.console_data import Filled, Size, fill, upgrade
from tests.serving import free_port

THINK_S = (2.0, 10.0)
WRITER_PAUSE_S = (1.0, 4.0)
CPU_REPEATS = 10
READY_TIMEOUT_S = 60
LEADERS = ("owner", "admin")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Visited:
    """Page or list with its share of visits."""

    name: str
    path: str
    """Path; `{n}` is the number of a random partner."""
    weight: int
    leaders_only: bool = False


PAGES = (
    Visited("home", "/console/", 4),
    Visited("partners", "/console/partners/", 6),
    Visited("partners by name", "/console/partners/?q=partner+991", 4),
    Visited("partners by state", "/console/partners/?status=suspended&order=-created", 3),
    Visited("partners by country and tier", "/console/partners/?country=DE&tier=Gold", 3),
    Visited("partners, page 40", "/console/partners/?page=40", 1),
    Visited("a partner", "/console/partners/{n}/", 8),
    Visited("offers", "/console/offers/", 3),
    Visited("an offer", "/console/offers/7/", 3),
    Visited("links", "/console/links/", 4),
    Visited("links by code", "/console/links/?q=00012", 3),
    Visited("plans", "/console/plans/", 2),
    Visited("approvals", "/console/approvals/", 1),
    Visited("versions", "/console/versions/", 1),
    Visited("search", "/console/search/?q=partner+12", 3),
    Visited("audit trail", "/console/audit/", 2, True),
    Visited("audit trail by person", "/console/audit/?q=User+7", 1, True),
    Visited("API partners", "/api/v1/partners?limit=50", 3),
    Visited("API partners, search", "/api/v1/partners?q=partner%2099", 2),
    Visited("API links of a partner", "/api/v1/links?partner={n}", 2),
    Visited("API links, 500", "/api/v1/links?limit=500", 1),
    Visited("API audit events", "/api/v1/audit-events", 1, True),
)


@dataclass(slots=True)
class Figures:
    """Seconds of answers and number of errors, by page."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    cpu_s: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, started: float, answer: httpx.Response, expected: tuple[int, ...] = (200,)) -> None:
        self.seconds[name].append(time.perf_counter() - started)
        if answer.status_code not in expected:
            self.errors[name].append(f"{answer.status_code} {answer.text[:200]}")

    def print(self) -> bool:
        """Print a line for each page; return whether nothing failed."""
        print(f"{'page':30} {'answers':>8} {'p50 ms':>8} {'p95 ms':>8} {'errors':>7} {'CPU ms alone':>13}")
        everything = [value for values in self.seconds.values() for value in values]
        for name, values in [*self.seconds.items(), ("all", everything)]:
            cpu = f"{self.cpu_s[name] * 1e3:13.0f}" if name in self.cpu_s else ""
            failed = sum(map(len, self.errors.values())) if name == "all" else len(self.errors[name])
            print(f"{name:30} {len(values):8} {_ms(values, 0.5):8.0f} {_ms(values, 0.95):8.0f} {failed:7} {cpu}")
        for name, found in self.errors.items():
            if found:
                print(f"{name}: {found[0]}")
        return not any(self.errors.values())


def main(arguments: list[str]) -> int:
    """Fill a database, serve it, load it, print the figures."""
    parser = argparse.ArgumentParser(prog="python -m loadtests console", description=__doc__)
    parser.add_argument("--users", type=int, default=50, help="signed-in people (default 50)")
    parser.add_argument("--writers", type=int, default=8, help="keys that change partners and add links (default 8)")
    parser.add_argument("--seconds", type=int, default=60, help="length of the run (default 60)")
    parser.add_argument("--partners", type=int, default=100_000, help="partners (default 100,000)")
    parser.add_argument("--links", type=int, default=1_000_000, help="links (default 1,000,000)")
    parser.add_argument(
        "--data", type=Path, help="directory to fill and keep; one that this command has filled is loaded again"
    )
    options = parser.parse_args(arguments)
    size = Size(options.partners, options.links, options.users, options.writers)
    with tempfile.TemporaryDirectory(prefix="clew-console-") as name:
        folder = options.data or Path(name)
        print(machine(), flush=True)
        filled = _filled(folder, size)
        figures = asyncio.run(_load(folder, filled, options.partners, options.seconds))
    return 0 if figures.print() else 1


def _filled(folder: Path, size: Size) -> Filled:
    """Fill a directory, or read what an earlier run has noted of it."""
    note, started = folder / "filled.json", time.perf_counter()
    if note.exists():
        known = msgspec.json.decode(note.read_bytes(), type=Filled)
        if known.size != size:
            raise SystemExit(f"{folder} was filled with {known.size}, not with {size}; choose another directory")
        with get_context("spawn").Pool(1) as pool:
            pool.apply(upgrade, (folder,))
        return known
    folder.mkdir(parents=True, exist_ok=True)
    with get_context("spawn").Pool(1) as pool:  # its memory goes back before the load
        filled = pool.apply(fill, (folder, size))
    note.write_bytes(msgspec.json.encode(filled))
    print(f"filled in {time.perf_counter() - started:.0f} s", flush=True)
    return filled


async def _load(folder: Path, filled: Filled, partners: int, seconds: int) -> Figures:
    port, figures = free_port(), Figures()
    with (folder / "web.log").open("w") as log:
        web = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "clew", "web", "--data", str(folder), "--port", str(port), stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        await _ready(url)
        await _alone(url, filled, partners, web.pid, figures)
        before, until = _cpu_s(web.pid), time.monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            for number, (role, session) in enumerate(filled.sessions):
                tasks.create_task(_reader(url, role, session, filled.api_key, partners, number, until, figures))
            for number, key in enumerate(filled.writer_keys):
                tasks.create_task(_writer(url, key, partners, number, until, figures))
        used = _cpu_s(web.pid) - before
        answers = sum(map(len, figures.seconds.values()))
        print(f"web process: {used:.1f} s of CPU in {seconds} s, {used / answers * 1e3:.0f} ms an answer, "
              f"{_memory_mib(web.pid):.0f} MiB")  # fmt: skip
    finally:
        web.terminate()
        await web.wait()
    return figures


async def _alone(url: str, filled: Filled, partners: int, pid: int, figures: Figures) -> None:
    """Measure the CPU time of each page, and of each change, one after the other."""
    owner = next(session for role, session in filled.sessions if role == "owner")
    chance = random.Random(0)
    async with _client(url, owner, filled.api_key) as client:
        for visited in PAGES:
            await client.get(visited.path.replace("{n}", "1"))
            before = _cpu_s(pid)
            for _ in range(CPU_REPEATS):
                await client.get(visited.path.replace("{n}", str(chance.randint(1, partners))))
            figures.cpu_s[visited.name] = (_cpu_s(pid) - before) / CPU_REPEATS
    async with _writing_client(url, filled.writer_keys[0]) as client:
        for name, change in _CHANGES.items():
            used_s = 0.0
            for _ in range(CPU_REPEATS):
                partner, tag = await _read_partner(client, 0, chance, partners)
                before = _cpu_s(pid)
                await change(client, partner, tag, chance)
                used_s += _cpu_s(pid) - before
            figures.cpu_s[name] = used_s / CPU_REPEATS


async def _reader(
    url: str, role: str, session: str, key: str, partners: int, number: int, until: float, figures: Figures
) -> None:
    chance = random.Random(number)
    pages = [page for page in PAGES if role in LEADERS or not page.leaders_only]
    async with _client(url, session, key) as client:
        await asyncio.sleep(chance.uniform(0, THINK_S[1]))
        while time.monotonic() < until:
            visited = chance.choices(pages, [page.weight for page in pages])[0]
            path = visited.path.replace("{n}", str(_own(chance, role, partners)))
            started = time.perf_counter()
            figures.add(visited.name, started, await client.get(path), (200, 404) if "{n}" in visited.path else (200,))
            await asyncio.sleep(chance.uniform(*THINK_S))


def _own(chance: random.Random, role: str, partners: int) -> int:
    return chance.randint(1, 1_000 if role == "partner_manager" else partners)


async def _writer(url: str, key: str, partners: int, number: int, until: float, figures: Figures) -> None:
    """Change partners and add links; each answer has to be a success."""
    chance = random.Random(1_000 + number)
    async with _writing_client(url, key) as client:
        while time.monotonic() < until:
            partner, tag = await _read_partner(client, number, chance, partners)
            for name, change in _CHANGES.items():
                started = time.perf_counter()
                answer = await change(client, partner, tag, chance)
                figures.add(name, started, answer, (200, 201))
            await asyncio.sleep(chance.uniform(*WRITER_PAUSE_S))


async def _read_partner(
    client: httpx.AsyncClient, number: int, chance: random.Random, partners: int
) -> tuple[int, str]:
    """Return a partner and its ETag. Each writer has partners of its own, so that nobody's ETag is out of date."""
    partner = chance.randrange(1 + number, partners, 16)
    return partner, (await client.get(f"/api/v1/partners/{partner}")).headers.get("ETag", "")


async def _change_partner(client: httpx.AsyncClient, partner: int, tag: str, chance: random.Random) -> httpx.Response:
    body = {"tier": chance.choice(("Gold", "Silver", "Bronze")), "company": f"Company {chance.random()}"}
    return await client.patch(f"/api/v1/partners/{partner}", json=body, headers={"If-Match": tag})


async def _add_link(client: httpx.AsyncClient, partner: int, _tag: str, chance: random.Random) -> httpx.Response:
    body = {"items": [{"offer": chance.randint(1, 1_000), "partner": partner}]}
    return await client.post("/api/v1/links", json=body)


_CHANGES = {"write: change a partner": _change_partner, "write: add a link": _add_link}


def _writing_client(url: str, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)


def _client(url: str, session: str, key: str) -> httpx.AsyncClient:
    """Return a browser of a person; API lists go with the key of a system."""

    async def authorize(request: httpx.Request) -> None:
        if request.url.path.startswith("/api/"):
            request.headers["Authorization"] = f"Bearer {key}"

    return httpx.AsyncClient(
        base_url=url, cookies={"sessionid": session}, timeout=60, event_hooks={"request": [authorize]}
    )


async def _ready(url: str) -> None:
    until = time.monotonic() + READY_TIMEOUT_S
    async with httpx.AsyncClient() as client:
        while time.monotonic() < until:
            try:
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    raise TimeoutError("the web process is not ready")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory_mib(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _ms(values: list[float], share: float) -> float:
    ordered = sorted(values) or [0.0]
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3
