"""Edges over a real Kafka: verdicts of several edges, and answers of an edge while Kafka is unavailable."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from eventlog.open import open_producer
from eventlog.port import Partition, Producer, Record
from runtime.clock import ManualClock, SystemClock
from runtime.settings import Settings, SpillSettings
from schemas.dedup.rules import decide
from schemas.events import CONVERSIONS, Conversion, Touch
from schemas.values.click_id import from_text
from schemas.wire import decode
from tests.eventlog.kafka_fixture import KafkaFixture, retried
from tests.servers.fixtures import own_cluster
from tests.servers.kafka import GivenCluster, KafkaCluster
from tests.tracker.edge_fixture import API_KEY, KEYS, NOW_US, SECRET, Answer, Stage
from tests.tracker.test_events import sale, touch
from tests.tracker.test_postbacks import token
from tracker.edge import EdgeDependencies
from tracker.http.app import EdgeApp

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """One node that tests may kill."""
    with own_cluster(tmp_path_factory.mktemp("kafka"), 1) as cluster:
        yield cluster


@asynccontextmanager
async def edges(bench: KafkaFixture, folder: Path, count: int = 1, **spill: int) -> AsyncIterator[list[Stage]]:
    """Edges, each with a folder of its own, as on machines of their own."""
    settings = Settings(kafka=bench.settings, spill=SpillSettings(**({"append_timeout_ms": 1_000} | spill)))
    producers: list[Producer] = []
    stages = [Stage() for _ in range(count)]
    try:
        for number, stage in enumerate(stages):
            producer = await open_producer(bench.address, settings, SystemClock(), folder=folder / str(number))
            producers.append(producer)
            stage.app = EdgeApp(
                EdgeDependencies(producer, stage.holder, KEYS, ManualClock(NOW_US), stage.settings, os.urandom)
            )
        yield stages
    finally:
        await asyncio.gather(*(producer.close() for producer in producers))


def postback(txn_id: str, click_id: str = "", amount: str = "5") -> str:
    return f"/postback?click_id={click_id or token()}&txn_id={txn_id}&amount={amount}&secret={SECRET}"


async def ask(stage: Stage, *targets: str) -> list[Answer]:
    return list(await asyncio.gather(*(stage.ask("GET", target) for target in targets)))


async def until(what: Callable[[], Any], timeout_s: float = 30) -> None:
    async with asyncio.timeout(timeout_s):
        while not await what():
            await asyncio.sleep(0.05)


async def all_records(bench: KafkaFixture) -> list[Record]:
    """Return the records of all topics without repeats, as readers keep them."""
    observer, seen, kept = bench.observer("oracle"), set(), []
    for partition in await retried(observer.partitions):
        for record in await observer.read(partition, 0, 10_000_000, 1 << 40):
            assert record.append_id is not None
            append_id = (partition, record.append_id.origin, record.append_id.sequence)
            if append_id not in seen:
                seen.add(append_id)
                kept.append(record)
    await observer.close()
    return kept


async def stored(bench: KafkaFixture) -> tuple[Counter[bytes], Counter[str]]:
    """Count the touches and txn_ids that readers store."""
    touches: Counter[bytes] = Counter()
    sales: Counter[str] = Counter()
    states: dict[bytes, bytes] = {}
    for record in await all_records(bench):
        event = decode(record.value)[1]
        if isinstance(event, Touch):
            touches[event.touch_id] += 1
        elif isinstance(event, Conversion):
            decision = decide(states.get, record.value)
            states |= decision.puts
            sales[event.txn_id] += decision.verdict == "accepted"
    return touches, sales


def test_of_equal_postbacks_to_two_edges_one_is_accepted(kafka: GivenCluster, tmp_path: Path) -> None:
    bench = KafkaFixture(kafka).prepare()

    async def story() -> None:
        async with edges(bench, tmp_path, 2) as (one, two):
            target = postback("t")
            answers = await asyncio.gather(*((one, two)[n % 2].ask("GET", target) for n in range(40)))
            assert Counter(answer.json["verdict"] for answer in answers) == {"accepted": 1, "duplicate": 39}
            assert len({answer.json["conversion_id"] for answer in answers}) == 1
            assert not any("final" in answer.json for answer in answers)
            other, tried = await ask(two, postback("t", amount="6"), postback("u") + "&test=1")
            assert (other.status, tried.json["verdict"]) == (409, "accepted")
            (real,) = await ask(two, postback("u"))
            (tried,) = await ask(one, postback("u") + "&test=1")
            assert (real.json["verdict"], tried.json["verdict"]) == ("accepted", "duplicate")
        assert (await stored(bench))[1] == {"t": 1, "u": 1}

    asyncio.run(story())


def test_batches_to_two_edges(kafka: GivenCluster, tmp_path: Path) -> None:
    bench = KafkaFixture(kafka).prepare()
    headers = [(b"authorization", f"Bearer {API_KEY}".encode())]
    lines = [touch(), sale(), sale(id="a3", txn_id="other")]

    async def story() -> None:
        async with edges(bench, tmp_path, 2) as stages:
            body = b"\n".join(json.dumps(line).encode() for line in lines)
            answers = await asyncio.gather(
                *(stage.ask("POST", "/v1/events", headers=headers, body=body) for stage in stages)
            )
            first, second = (answer.lines for answer in answers)
            assert {line["verdict"] for line in (first[0], second[0])} == {"accepted"}
            assert first[0]["click_id"] == second[0]["click_id"]
            for pair in zip(first[1:], second[1:], strict=True):
                assert sorted(line["verdict"] for line in pair) == ["accepted", "duplicate"]

    asyncio.run(story())


def test_an_outage_from_its_begin_to_its_end(mortal: KafkaCluster, tmp_path: Path) -> None:
    bench = KafkaFixture(mortal, request_timeout_ms=1_000).prepare()

    async def story() -> None:
        async with edges(bench, tmp_path, bytes_max=60_000) as (edge,):
            (known,) = await ask(edge, postback("known"))
            assert known.json["verdict"] == "accepted" and "final" not in known.json
            mortal.kill(1)
            clicks, answers = await outage(edge)
            assert answers["accepted"] and answers["unavailable"]
            (ready,) = await ask(edge, "/readyz")
            assert (ready.status, b"bytes_max" in ready.body) == (503, True)
            (full,) = await ask(edge, "/c/bl-shoes")
            assert (full.status, full.verdict) == (302, "unrecorded")
            await asyncio.to_thread(mortal.restart, 1)
            await until(lambda: is_at_rest(edge))
            (late,) = await ask(edge, postback("known"))
            assert late.json["verdict"] == "duplicate" and "final" not in late.json
        touches, sales = await stored(bench)
        assert touches == dict.fromkeys(clicks, 1)
        assert sales == {"known": 1, **{f"t{n}": 1 for n in range(answers["accepted"])}}

    asyncio.run(story())


async def outage(edge: Stage) -> tuple[set[bytes], Counter[str]]:
    """Visitors and advertisers come until the local log is full: ids of the recorded clicks, and the verdicts."""
    answers: Counter[str] = Counter()
    clicks: set[bytes] = set()
    for number in range(1_000):
        target = postback(f"t{number}")
        click, sold, again = await asyncio.gather(*(edge.ask("GET", t) for t in ("/c/bl-shoes", target, target)))
        assert click.status == 302
        if sold.status == 503 or again.status == 503 or click.verdict == "unrecorded":
            assert "retry-after" in (sold if sold.status == 503 else again).headers or click.verdict == "unrecorded"
            answers["unavailable"] += 1
            clicks |= {id_of(click)} if click.verdict == "accepted" else set()
            answers["accepted"] += 200 in (sold.status, again.status)
            break
        clicks.add(id_of(click))
        assert sorted(one.json["verdict"] for one in (sold, again)) == ["accepted", "duplicate"]
        accepted = sold if sold.json["verdict"] == "accepted" else again
        assert accepted.json["final"] is False
        answers["accepted"] += 1
        if number == 0:
            (ready,) = await ask(edge, "/readyz")
            assert ready.status == 200 and b"wait in the local log" in ready.body
            conflict, known = await ask(edge, postback("t0", amount="6"), postback("known"))
            assert (conflict.status, known.json["verdict"]) == (409, "duplicate")
    return clicks, answers


def id_of(click: Answer) -> bytes:
    found = from_text(click.param("cid"))
    assert found is not None
    return found


async def is_at_rest(edge: Stage) -> bool:
    (ready,) = await ask(edge, "/readyz")
    return (ready.status, ready.body) == (200, b"ready")


def test_an_edge_that_starts_without_kafka_sends_visitors_on(mortal: KafkaCluster, tmp_path: Path) -> None:
    bench = KafkaFixture(mortal, request_timeout_ms=1_000).prepare()

    async def story() -> None:
        mortal.kill(1)
        async with edges(bench, tmp_path) as (edge,):
            click, sold, ready = await ask(edge, "/c/bl-shoes", postback("t"), "/readyz")
            assert (click.status, click.verdict, sold.status, ready.status) == (302, "accepted", 503, 200)
            await asyncio.to_thread(mortal.restart, 1)
            await until(lambda: is_at_rest(edge))
            (sold,) = await ask(edge, postback("t"))
            assert sold.json["verdict"] == "accepted" and "final" not in sold.json
        assert await stored(bench) == (Counter({id_of(click): 1}), Counter({"t": 1}))

    asyncio.run(story())


def test_a_topic_of_conversions_that_is_remade_forgets_no_key(kafka: GivenCluster, tmp_path: Path) -> None:
    bench = KafkaFixture(kafka).prepare()

    async def story() -> None:
        async with edges(bench, tmp_path) as (edge,):
            await ask(edge, postback("t"))
            bench.remake(Partition(CONVERSIONS, 0))

            async def answered() -> bool:
                (answer,) = await ask(edge, postback("new"))
                return answer.status == 200

            await until(answered)
            (again,) = await ask(edge, postback("t"))
            assert again.json["verdict"] == "duplicate"

    asyncio.run(story())
