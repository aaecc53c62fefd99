"""The soak on real servers: `python -m tests.soak.servers --kills 300`; faults of every kind at random, under load.

Three Kafka brokers, a ClickHouse server, two trackers, two ingests and two attribution workers, each a process.
What was answered is kept here, and compared with the tables when all is at rest.
"""

import argparse
import asyncio
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.servers.clickhouse import ClickHouseServer, own_server
from tests.servers.installation import Installation, Station
from tests.servers.kafka import KafkaCluster
from tests.soak.load import Answered, Load
from tests.soak.oracle import Verdict, judge

SESSION_TIMEOUT_MS = 6_000
"""The least that a broker allows by default."""

PREFIX = "soak."
ProgressCallback = Callable[[str], object]


@dataclass
class Scene:
    """The processes and files that a fault may reach."""

    kafka: KafkaCluster
    clickhouse: ClickHouseServer
    installation: Installation
    rng: random.Random
    away_s: float
    """How long ClickHouse is away."""
    hand: ThreadPoolExecutor
    """One thread for what blocks. A server dies with the thread that started it, so it lives as long as the scene."""

    async def do(self, work: Callable[..., object], *arguments: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self.hand, work, *arguments)

    @property
    def brokers(self) -> list[int]:
        return [node.number for node in self.kafka.nodes]

    def some(self, stations: list[Station]) -> Station:
        return self.rng.choice(stations)

    async def leader_of(self, topic: str) -> int:
        """The broker that leads the first partition of a topic; any one while there is none."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.servers, request_timeout_ms=5_000)
        try:
            await admin.start()
            [found] = await admin.describe_topics([PREFIX + topic])
            leader: int = found["partitions"][0]["leader"]
        except KafkaError:
            leader = -1
        finally:
            await admin.close()
        return leader if leader in self.brokers else self.rng.choice(self.brokers)


def start_again(station: Station) -> None:
    """Start a station that has ended, unless somebody else just did."""
    if station.process is not None and station.process.poll() is not None:
        station.spawn()


async def kill_station(scene: Scene, stations: list[Station]) -> None:
    station = scene.some(stations)
    await scene.do(station.kill)
    start_again(station)


async def kill_tracker(scene: Scene) -> None:
    await kill_station(scene, scene.installation.trackers)


async def kill_ingest(scene: Scene) -> None:
    await kill_station(scene, scene.installation.ingests)


async def kill_attribute(scene: Scene) -> None:
    await kill_station(scene, scene.installation.attributes)


async def kill_broker(scene: Scene) -> None:
    """The broker that leads the conversions; back after a moment."""
    node = await scene.leader_of("conversions")
    await scene.do(scene.kafka.kill, node)
    await asyncio.sleep(scene.rng.uniform(0.0, 3.0))
    await scene.do(scene.kafka.restart, node)


async def kill_clickhouse(scene: Scene) -> None:
    await scene.do(scene.clickhouse.kill)
    await asyncio.sleep(scene.rng.uniform(0.0, 3.0))
    await scene.do(scene.clickhouse.start)


async def zombie(scene: Scene) -> None:
    """A consumer stops past its session timeout, loses its partitions or shards, and wakes up with them in mind."""
    station = scene.some([*scene.installation.ingests, *scene.installation.attributes])
    station.send(signal.SIGSTOP)
    await asyncio.sleep(SESSION_TIMEOUT_MS / 1000 + scene.rng.uniform(0.5, 3.0))
    station.send(signal.SIGCONT)


async def storm(scene: Scene) -> None:
    """Consumers come and go every two seconds."""
    for turn in range(3):
        passing = scene.installation.new_ingest(f"passing-{turn}")
        passing.spawn()
        await asyncio.sleep(2.0)
        await scene.do(passing.kill)


async def one_broker_left(scene: Scene) -> None:
    """Two of three brokers go: nothing can be appended safely, so trackers spill."""
    gone = scene.rng.sample(scene.brokers, len(scene.brokers) - 1)
    for node in gone:
        await scene.do(scene.kafka.kill, node)
    await asyncio.sleep(scene.rng.uniform(1.0, 6.0))
    for node in gone:
        await scene.do(scene.kafka.restart, node)


async def clickhouse_away(scene: Scene) -> None:
    """The server hangs: connections stay open and nothing answers."""
    await scene.do(scene.clickhouse.pause)
    await asyncio.sleep(scene.away_s)
    await scene.do(scene.clickhouse.resume)


Fault = Callable[[Scene], Awaitable[None]]
FAULTS: Mapping[str, tuple[Fault, int]] = {
    "tracker": (kill_tracker, 10),
    "ingest": (kill_ingest, 12),
    "attribute": (kill_attribute, 8),
    "broker": (kill_broker, 5),
    "clickhouse": (kill_clickhouse, 6),
    "zombie": (zombie, 2),
    "storm": (storm, 1),
    "one broker left": (one_broker_left, 1),
    "clickhouse away": (clickhouse_away, 1),
}
"""Each with its weight."""


@dataclass
class ServerSoak:
    """The actions and findings of one soak."""

    faults: Counter[str]
    answered: Answered
    verdict: Verdict
    seconds: float


@contextmanager
def scene(folder: Path, seed: int, brokers: int = 3, away_s: float = 60.0) -> Iterator[Scene]:
    """Servers and stations, ready; gone after the block, whatever happens."""
    settings = {"CLEW_KAFKA__SESSION_TIMEOUT_MS": str(SESSION_TIMEOUT_MS)}
    with ExitStack() as stack:
        kafka = KafkaCluster(folder / "kafka", brokers)
        stack.callback(kafka.stop)
        kafka.start()
        clickhouse = stack.enter_context(own_server(folder / "clickhouse"))
        warehouse = clickhouse.address("clew")
        installation = Installation(
            folder / "clew", kafka.address(PREFIX), warehouse, password=clickhouse.password, settings=settings
        )
        stack.callback(installation.kill)
        installation.start()
        hand = stack.enter_context(ThreadPoolExecutor(1))
        yield Scene(kafka, clickhouse, installation, random.Random(seed), away_s, hand)


async def _at_random(
    scene: Scene, kills: int, say: ProgressCallback, only: Mapping[str, tuple[Fault, int]]
) -> Counter[str]:
    done: Counter[str] = Counter()
    names, weights = list(only), [weight for _, weight in only.values()]
    for name in names[: kills if kills >= len(names) else 0]:  # each once, then at random
        await _do(scene, name, done, say, kills)
    while done.total() < kills:
        await _do(scene, scene.rng.choices(names, weights)[0], done, say, kills)
    return done


async def _do(scene: Scene, name: str, done: Counter[str], say: ProgressCallback, kills: int) -> None:
    # Short gaps hit starts and recoveries, longer ones the middle of a batch or a pass.
    await asyncio.sleep(scene.rng.uniform(0.1, 1.0) if scene.rng.random() < 0.5 else scene.rng.uniform(1.5, 4.0))
    await FAULTS[name][0](scene)
    done[name] += 1
    if done.total() % 10 == 0:
        say(f"{done.total()} of {kills} faults: {dict(done)}")


async def _keep(scene: Scene) -> None:
    """Start again what ended by itself, as an orchestrator does: a station that reaches no server at its start ends."""
    while True:
        await asyncio.sleep(0.5)
        for station in scene.installation.stations:
            start_again(station)


async def _under_load(
    scene: Scene, kills: int, seed: int, say: ProgressCallback, only: Mapping[str, tuple[Fault, int]], pause_s: float
) -> tuple[Counter[str], Load]:
    load = Load(scene.installation.urls, seed, pause_s)
    running = asyncio.create_task(load.run())
    keeping = asyncio.create_task(_keep(scene))
    try:
        done = await _at_random(scene, kills, say, only)
        for station in scene.installation.stations:
            await scene.do(station.wait_ready)
        await asyncio.sleep(1.0)
    finally:
        keeping.cancel()
        load.stopping.set()
        await running
    return done, load


def soak_servers(
    scene: Scene, kills: int, seed: int, say: ProgressCallback = lambda _: None,
    only: Mapping[str, tuple[Fault, int]] = FAULTS, pause_s: float = 0.02,
) -> ServerSoak:  # fmt: skip
    """Run it. The seed fixes the load and the order of faults, not their instants."""
    started = time.monotonic()
    done, load = asyncio.run(_under_load(scene, kills, seed, say, only, pause_s))
    say("settling")
    scene.installation.settle(600)
    return ServerSoak(done, load.answered, judge(scene.installation, load.answered), time.monotonic() - started)


def report(result: ServerSoak) -> str:
    """Format the result for people."""
    answered, verdict = result.answered, result.verdict
    lines = [
        f"faults {result.faults.total()} {dict(result.faults)} in {result.seconds:.0f} s",
        f"requests {answered.requests}, unanswered {answered.unanswered}, refused {answered.refused}, "
        f"conversions answered before Kafka had them {answered.spilled}",
        f"acknowledged {verdict.acknowledged}: {len(answered.clicks)} clicks, {len(answered.event_clicks)} batch "
        f"clicks, {len(answered.conversions)} conversions",
        f"lost {verdict.lost}, doubled {verdict.doubled}, audit and money {'ok' if verdict.ok else 'FAILED'}",
        *(f"  {line}" for line in verdict.found),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Random faults on Kafka and ClickHouse, under load.")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="clew-soak-"))
    say: ProgressCallback = lambda text: sys.stderr.write(text + "\n")  # noqa: E731
    with scene(folder, options.seed) as made:
        result = soak_servers(made, options.kills, options.seed, say)
    sys.stdout.write(report(result))
    if options.keep or not result.verdict.ok:
        sys.stdout.write(f"data kept in {folder}\n")
    else:
        shutil.rmtree(folder)
    return 0 if result.verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
