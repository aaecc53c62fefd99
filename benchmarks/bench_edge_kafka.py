"""One edge on Kafka: click redirects, compared with a constant 302 of nginx, and the latency of postbacks.

Kafka (one node), the warehouse and the load share the machine's cores with the edge, which keeps to one.
"""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from benchmarks.bench_edge import ROUNDS, SECONDS, SERVER_CORE, nginx, wrk
from benchmarks.measure import Result, median, quantile
from tests.servers.clickhouse import own_server
from tests.servers.installation import Installation
from tests.servers.kafka import KafkaCluster
from tests.serving import BROWSER, SECRET

POSTBACKS = 300


def run(folder: Path) -> Iterator[Result]:
    """Measure requests per second, medians over turns; then single postbacks, one after the other."""
    if not shutil.which("wrk") or not shutil.which("nginx"):
        yield Result("edge on Kafka: click redirect", 0, "req/s", note="skipped: nginx and wrk are not installed")
        return
    cluster = KafkaCluster(folder / "kafka")
    cluster.start()
    try:
        with own_server(folder / "clickhouse") as server, nginx(folder) as peer:
            installed = Installation(
                folder / "clew", cluster.address(""), server.address("clew"), password=server.password,
                trackers=1, ingests=0, attributes=0,
            )  # fmt: skip
            try:
                yield from _measured(installed.start(), peer)
            finally:
                installed.kill()
    finally:
        cluster.stop()


def _measured(installed: Installation, peer: str) -> Iterator[Result]:
    (edge,) = installed.trackers
    assert edge.process is not None
    os.sched_setaffinity(edge.process.pid, {SERVER_CORE})
    url = f"{edge.url}/c/bl-shoes?sub1=x"
    wrk(url, 2)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(wrk(url, SECONDS))
        theirs.append(wrk(peer, SECONDS))
    spilled = int(edge.metric("clew_spill_drained_total"))
    yield Result(
        "edge on Kafka: click redirect", median(ours), "req/s", "nginx constant 302", median(theirs),
        f"acks=all before each answer; {spilled} records took the way through the local log",
    )  # fmt: skip
    seconds = _postbacks(edge.url)
    yield Result("edge on Kafka: postback to verdict, p50", 1_000 * quantile(seconds, 0.5), "ms")
    yield Result("edge on Kafka: postback to verdict, p95", 1_000 * quantile(seconds, 0.95), "ms")


def _postbacks(url: str) -> list[float]:
    """Return the latency of each answer in seconds, seen by one advertiser's server."""
    seconds = []
    with httpx.Client(headers={"User-Agent": BROWSER}) as http:
        click_id = http.get(f"{url}/c/bl-shoes").headers["Location"].split("cid=")[1].split("&")[0]
        for n in range(POSTBACKS):
            query = {"click_id": click_id, "txn_id": f"t{n}", "amount": "10.00", "secret": SECRET}
            began = time.perf_counter()
            answer = http.get(f"{url}/postback", params=query).json()
            seconds.append(time.perf_counter() - began)
            assert answer["verdict"] == "accepted" and "final" not in answer, answer
    return seconds
