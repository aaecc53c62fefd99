"""Every fault of a servers' installation once, short, under load or in the middle of a stream; then lost and doubled.

The same faults at random and for long: `make soak-servers KILLS=300`.
"""

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka.admin import AdminClient

from tests.servers.clickhouse import GivenServer
from tests.servers.installation import Installation
from tests.servers.kafka import GivenCluster, wait_until
from tests.servers.skip import skip_or_fail
from tests.serving import BROWSER
from tests.soak.load import Answered
from tests.soak.oracle import judge
from tests.soak.outage import outage
from tests.soak.outage import report as report_outage
from tests.soak.servers import FAULTS, report, scene, soak_servers

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(420)]


def test_each_fault_once_under_load(tmp_path: Path) -> None:
    try:
        with scene(tmp_path, seed=7, away_s=6.0) as made:
            result = soak_servers(made, len(FAULTS), seed=7)
    except RuntimeError as error:
        skip_or_fail(str(error))
    assert set(result.faults) == set(FAULTS)
    assert result.verdict.acknowledged > 100
    assert result.verdict.ok, report(result)


def test_kafka_away_under_load_fills_no_memory_and_loses_nothing(tmp_path: Path) -> None:
    try:
        with scene(tmp_path, seed=3, brokers=1) as made:
            result = outage(made, 0.25, 3, lambda _: None, 0.02)
    except RuntimeError as error:
        skip_or_fail(str(error))
    assert result.spilled_records > 0
    assert result.load.answered.spilled > 0
    assert result.verdict.ok, report_outage(result)


@pytest.fixture
def prefix() -> str:
    return f"faults{secrets.token_hex(4)}."


@pytest.fixture
def installation(tmp_path: Path, kafka: GivenCluster, clickhouse: GivenServer, prefix: str) -> Iterator[Installation]:
    made = Installation(
        tmp_path, kafka.address(prefix), clickhouse.address(f"clew_{secrets.token_hex(4)}"),
        password=clickhouse.password, trackers=1, ingests=1, attributes=1,
    )  # fmt: skip
    try:
        yield made.start()
    finally:
        made.kill()


def click(installation: Installation, count: int) -> set[str]:
    """Ids of clicks that were answered as accepted."""
    ids = set()
    with httpx.Client(base_url=installation.urls[0], headers={"User-Agent": BROWSER}, timeout=20) as http:
        for _ in range(count):
            answer = http.get("/c/bl-shoes")
            assert answer.headers["Clew-Verdict"] == "accepted"
            ids.add(httpx.URL(answer.headers["Location"]).params["cid"])
    return ids


def stored(installation: Installation) -> list[str]:
    return [row["click_id"] for row in installation.sql("SELECT click_id FROM clicks ORDER BY click_id")]


def check(installation: Installation, clicks: set[str]) -> None:
    """Each click once, and the audit has nothing to say."""
    installation.settle()
    assert stored(installation) == sorted(clicks)
    verdict = judge(installation, Answered(clicks=clicks))
    assert verdict.ok, verdict.found


def test_expired_positions_are_found_again_in_the_warehouse(
    installation: Installation, kafka: GivenCluster, prefix: str
) -> None:
    clicks = click(installation, 60)
    installation.settle()
    [ingest] = installation.ingests
    assert ingest.stop() == 0
    admin = AdminClient({"bootstrap.servers": kafka.servers})
    admin.delete_consumer_groups([f"{prefix}ingest"])[f"{prefix}ingest"].result(30)
    clicks |= click(installation, 60)
    ingest.spawn()
    check(installation, clicks)


def test_a_topic_that_is_removed_and_remade_is_another_log(
    installation: Installation, kafka: GivenCluster, prefix: str
) -> None:
    clicks = click(installation, 60)
    installation.settle()
    for station in installation.stations:
        assert station.stop() == 0
    admin = AdminClient({"bootstrap.servers": kafka.servers})
    admin.delete_topics([f"{prefix}hits"])[f"{prefix}hits"].result(30)
    installation.clew("migrate")
    for station in installation.stations:
        station.spawn()
        station.wait_ready()
    clicks |= click(installation, 60)
    check(installation, clicks)


def test_a_record_of_a_newer_version_stops_its_partition_and_nothing_else(
    installation: Installation, kafka: GivenCluster, prefix: str
) -> None:
    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=kafka.servers)
        await producer.start()
        try:
            await producer.send_and_wait(f"{prefix}hits", bytes((99, 1, 144)), partition=0)
        finally:
            await producer.stop()

    before = click(installation, 40)
    installation.settle()
    asyncio.run(send())
    [ingest] = installation.ingests
    wait_until(lambda: ingest.metric("clew_ingest_paused_partitions") == 1, 30, "a paused partition")
    after = click(installation, 80)
    wait_until(lambda: len(stored(installation)) > len(before), 30, "rows of the other partitions")
    assert installation.json("dead-letters", "list")["dead_letters"] == []
    audit = installation.json("audit", check=False)
    assert not audit["ok"]
    assert any("newer" in str(example) or "ingest" in found["name"] for found in audit["checks"]
               for example in found["examples"])  # fmt: skip
    ids = stored(installation)
    assert before <= set(ids) <= before | after
    assert len(ids) == len(set(ids))
