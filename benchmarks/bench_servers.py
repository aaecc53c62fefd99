"""The path from edge to table on servers: edge, Kafka (one node), ingest and ClickHouse on one machine's cores."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from benchmarks.bench_edge import wrk
from benchmarks.measure import Result, quantile
from tests.servers.clickhouse import GivenServer, own_server
from tests.servers.installation import Installation
from tests.servers.kafka import KafkaCluster
from tests.serving import BROWSER

LOAD_S = 15
CLICKS = 60
PAUSE_S = 0.1
QUIET_S = 4.0


def run(folder: Path) -> Iterator[Result]:
    """Measure clicks answered and stored per second, a backlog stored per second, and the time from answer to row."""
    if not shutil.which("wrk"):
        yield Result("servers: edge to ClickHouse", 0, "clicks/s", note="skipped: wrk is not installed")
        return
    cluster = KafkaCluster(folder / "kafka")
    cluster.start()
    try:
        with own_server(folder / "clickhouse") as server:
            installed = Installation(
                folder / "clew", cluster.address(""), server.address("clew"), password=server.password,
                trackers=1, ingests=1, attributes=0,
            )  # fmt: skip
            try:
                installed.start()
                yield from _measured(installed, server)
            finally:
                installed.kill()
    finally:
        cluster.stop()


def _measured(installed: Installation, server: GivenServer) -> Iterator[Result]:
    (edge,), (ingest,) = installed.trackers, installed.ingests
    url = f"{edge.url}/c/bl-shoes?sub1=x"
    wrk(url, 3)
    _all_stored(server)

    before, began = _stored(server), time.perf_counter()
    answered = wrk(url, LOAD_S)
    after, at = _all_stored(server)
    yield Result(
        "servers: edge to ClickHouse, all at once", (after - before) / (at - began), "clicks/s",
        "answered meanwhile", answered, "the load, the edge, Kafka, ingest and ClickHouse share the cores",
    )  # fmt: skip

    seconds = [_visible_after_s(url, server) for _ in range(CLICKS)]
    yield Result("servers: answer to visible row, p50", quantile(seconds, 0.5), "s", note="target 2 s (p95)")
    yield Result("servers: answer to visible row, p95", quantile(seconds, 0.95), "s", note="target 2 s")

    assert ingest.stop() == 0
    before = _stored(server)
    wrk(url, LOAD_S)
    ingest.spawn()
    ingest.wait_ready()
    began = time.perf_counter()
    after, at = _all_stored(server)
    note = f"{after - before} records, one ingest, ClickHouse beside it"
    yield Result("servers: a backlog, Kafka to ClickHouse", (after - before) / (at - began), "events/s", note=note)


def _stored(server: GivenServer) -> int:
    return int(server.ask("SELECT count() FROM clew.clicks"))


def _all_stored(server: GivenServer) -> tuple[int, float]:
    """Wait until no more clicks arrive; return their number and the time of the last ones."""
    count, since = _stored(server), time.perf_counter()
    while time.perf_counter() - since < QUIET_S:
        time.sleep(0.05)
        now = _stored(server)
        if now != count:
            count, since = now, time.perf_counter()
    return count, since


def _visible_after_s(url: str, server: GivenServer) -> float:
    location = httpx.get(url, headers={"User-Agent": BROWSER}).headers["Location"]
    answered = time.perf_counter()
    token = location.split("cid=")[1].split("&")[0]
    sql = f"SELECT count() FROM clew.clicks WHERE click_id = base64URLDecode('{token}')"
    while time.perf_counter() - answered < 30:
        if int(server.ask(sql)):
            seconds = time.perf_counter() - answered
            time.sleep(PAUSE_S)
            return seconds
        time.sleep(0.01)
    raise AssertionError("no row within 30 s")
