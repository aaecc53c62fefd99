"""The edge's producer on a real Kafka: the contract, answers that are lost, and a kill in the middle of a drain."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from eventlog.kafka.append_batch import Entry
from eventlog.kafka.producer import UNPLACED, KafkaProducer
from eventlog.kafka.reader import KafkaReader
from eventlog.port import Appended, AppendId, DedupRule, Partition, Record
from runtime.clock import SystemClock
from runtime.settings import SpillSettings
from schemas.dedup.rules import decide
from schemas.events import CONVERSIONS, HITS
from tests.conftest import ROOT
from tests.contracts.eventlog import LogContract
from tests.eventlog.kafka_fixture import KafkaFixture, retried
from tests.eventlog.test_kafka_appender import proxy_of, through
from tests.eventlog.test_spill import ORIGIN, entries, open_spill
from tests.schemas.samples import conversion, wire
from tests.servers.kafka import GivenCluster

pytestmark = pytest.mark.server
SALES = Partition(CONVERSIONS, 0)


class Started:
    """A producer that starts at its first call, as the contract's tests know no start."""

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer
        self._starting: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Sequence[Appended]]] = set()

    async def append(self, topic: str, key: bytes, values: Sequence[bytes]) -> Sequence[Appended]:
        task = asyncio.ensure_future(self._append(topic, key, values))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await task

    async def _append(self, topic: str, key: bytes, values: Sequence[bytes]) -> Sequence[Appended]:
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._producer.start())
        await self._starting
        return await self._producer.append(topic, key, values)

    async def unhealthy_reason(self) -> str | None:
        return await self._producer.unhealthy_reason()

    async def close(self) -> None:
        if self._running:
            await asyncio.wait(self._running)
        await self._producer.close()


class EdgeBench(KafkaFixture):
    """Edges on folders of their own."""

    def __init__(self, cluster: GivenCluster, folder: Path, **settings: Any) -> None:
        super().__init__(cluster, **settings)
        self.folder = folder

    def edge(self, worker: int = 0, rule: DedupRule = decide, **spill: int) -> KafkaProducer:
        kafka, clock = self.settings, SystemClock()
        return KafkaProducer(
            self.appender(), lambda: KafkaReader(self.address, kafka, clock, [CONVERSIONS]),
            self.folder / str(worker), SpillSettings(**spill), kafka, clock, rule,
        )  # fmt: skip

    async def started(self, worker: int = 0, **spill: int) -> KafkaProducer:
        edge = self.edge(worker, decide, **spill)
        await edge.start()
        return edge

    def producer(self, worker: int, rule: DedupRule = decide) -> Any:
        return Started(self.edge(worker, rule, append_timeout_ms=10_000))

    async def records(self, partition: Partition) -> list[Record]:
        observer = self.observer("oracle")
        found = await retried(lambda: observer.read(partition, 0, 10_000_000, 1 << 40))
        await observer.close()
        return list(found)


class TestEdgeOnKafka(LogContract):
    @pytest.fixture
    def bench(self, kafka: GivenCluster, tmp_path: Path) -> EdgeBench:
        bench = EdgeBench(kafka, tmp_path)
        bench.prepare()
        return bench


def prepared(kafka: GivenCluster, folder: Path, **settings: Any) -> EdgeBench:
    bench = EdgeBench(kafka, folder, **settings)
    bench.prepare()
    return bench


def sale(txn_id: str) -> bytes:
    return wire(conversion(txn_id))


async def verdict(edge: KafkaProducer, value: bytes) -> tuple[str, bool]:
    (one,) = await edge.decide(CONVERSIONS, [value], keys=[b"k"])
    return one.decision.verdict, one.final


async def at_rest(edge: KafkaProducer) -> None:
    async with asyncio.timeout(60):
        while edge.degraded_reason():
            await asyncio.sleep(0.02)


def test_a_click_whose_answer_is_lost_is_spilled_and_stands_once(
    kafka: GivenCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = prepared(kafka, tmp_path, request_timeout_ms=1_000)

    async def story() -> None:
        edge = await bench.started(append_timeout_ms=500)
        partition = (await edge.append(HITS, b"k", [b"before"]))[0].partition
        proxy.on_request = lambda data: b"lose the answer" in data and not proxy.lost.is_set()
        assert await edge.append(HITS, b"k", [b"lose the answer"]) == [Appended(partition, UNPLACED)]
        proxy.mend()
        await at_rest(edge)
        found = await bench.records(partition)
        assert [record.value for record in found] == [b"before", *[b"lose the answer"] * (len(found) - 1)]
        assert len(found) > 1 and {record.append_id and record.append_id.sequence for record in found} == {0, 1}
        await edge.close()

    with proxy_of(kafka) as proxy:
        through(monkeypatch, proxy, "clew-edge")
        asyncio.run(story())


def test_a_sale_whose_answer_is_lost_gets_its_verdict_from_the_tail(
    kafka: GivenCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = prepared(kafka, tmp_path, request_timeout_ms=1_000)

    async def story() -> None:
        edge = await bench.started(append_timeout_ms=2_000)
        assert await verdict(edge, sale("before")) == ("accepted", True)
        key = conversion("lost").conversion_id
        proxy.on_request = lambda data: key in data and not proxy.lost.is_set()
        assert await verdict(edge, sale("lost")) == ("accepted", True)
        proxy.mend()
        assert await verdict(edge, sale("lost")) == ("duplicate", True)
        await edge.close()

    with proxy_of(kafka) as proxy:
        through(monkeypatch, proxy, "clew-edge")
        asyncio.run(story())


def test_half_open_connections_hold_up_nobody_for_long(
    kafka: GivenCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first ones nobody waits for Kafka; when it is back all is there once, and verdicts are final again."""
    bench = prepared(kafka, tmp_path, request_timeout_ms=1_000)

    async def story() -> None:
        edge = await bench.started(append_timeout_ms=1_000)
        assert await verdict(edge, sale("before")) == ("accepted", True)
        proxy.lose_answers = True
        values = [b"%d" % n for n in range(2_000)]
        await asyncio.gather(*(edge.append(HITS, value, [value]) for value in values[:100]))
        assert await verdict(edge, sale("a")) in (("accepted", True), ("accepted", False))
        appended = await asyncio.gather(*(edge.append(HITS, value, [value]) for value in values[100:]))
        assert {call[0].offset for call in appended} == {UNPLACED}
        proxy.mend()
        await at_rest(edge)
        assert await verdict(edge, sale("a")) == ("duplicate", True)
        assert await verdict(edge, sale("b")) == ("accepted", True)
        await edge.close()
        kept = {
            (partition, record.append_id and record.append_id.sequence, record.value)
            for partition, records in (await bench.all_hits()).items()
            for record in records
        }
        assert sorted(value for *_, value in kept) == sorted(values)

    with proxy_of(kafka) as proxy:
        through(monkeypatch, proxy, "clew-edge")
        asyncio.run(story())


def test_a_kill_in_the_middle_of_a_drain(kafka: GivenCluster, tmp_path: Path) -> None:
    """Each process sends what is left until it is killed: with repeats dropped, all is there once and in order."""
    bench = prepared(kafka, tmp_path)
    clicks, count, kills = Partition(HITS, 0), 30_000, 3

    async def fill() -> None:
        spill = open_spill(tmp_path)
        await spill.put(clicks, entries(0, count, 300))
        await spill.put(SALES, [Entry(b"k", sale(f"t{n}"), AppendId(ORIGIN, n)) for n in range(100)])
        await spill.close()

    async def reached(offset: int) -> None:
        observer = bench.observer("oracle")
        while await observer.end(clicks) < offset:
            await asyncio.sleep(0.001)
        await observer.close()

    asyncio.run(fill())
    for number in range(1, kills + 1):
        with drainer(bench, tmp_path) as process:
            asyncio.run(reached(number * count // (kills + 2)))
            process.kill()
    with drainer(bench, tmp_path) as process:
        assert process.communicate(timeout=60)[0] == "drained\n"
    found = asyncio.run(bench.records(clicks))
    first_seen = dict.fromkeys(record.append_id.sequence for record in found if record.append_id)
    assert list(first_seen) == list(range(count))
    sold = dict.fromkeys(record.value for record in asyncio.run(bench.records(SALES)))
    assert list(sold) == [sale(f"t{n}") for n in range(100)]


def drainer(bench: EdgeBench, folder: Path) -> "subprocess.Popen[str]":
    servers = ",".join(bench.address.servers)
    url = f"kafka://{servers}?topic_prefix={bench.address.topic_prefix}"
    command = [sys.executable, "-m", "tests.eventlog.kafka_edge_child", url, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
