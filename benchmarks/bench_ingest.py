"""Log to warehouse with decode, enrichment, intent, insert with fsync and commit, compared with inserts only."""

import asyncio
import gc
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Result
from clew.processes.engine import GC_THRESHOLD
from eventlog.port import Partition, Record
from eventlog.sqlite.consumer import SqliteConsumer
from eventlog.sqlite.producer import SqliteProducer
from ingest.batch import build_batch
from ingest.enrich import Enricher
from ingest.geo import open_geo
from ingest.loop import GROUP, Ingest
from runtime.clock import SystemClock
from runtime.settings import IngestSettings, LogSettings, Settings
from schemas.dedup.rules import decide
from schemas.events import Kind, Touch
from schemas.wire import encode
from warehouse.address import ChdbFolder
from warehouse.open import open_warehouse
from warehouse.port import Warehouse

EVENTS = 400_000
EVENTS_OF_OTHER_AGENTS = 100_000
_WORDS = (
    "Mozilla", "Android", "Linux", "Build/", "Mobile", "Safari/", "Chrome/", "bot", "iPhone", "Samsung", "SM-", "; ",
    "(", ")", " ", "Version/", "1.0", "Opera", "Windows NT", "compatible", "MSIE",
)  # fmt: skip
"""Words that make a user agent match as many patterns as possible, so that reading it costs the most."""
_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
)


def run(folder: Path) -> Iterator[Result]:
    """Measure events per second from a full log."""
    gc.set_threshold(*GC_THRESHOLD)
    warehouse = open_warehouse(ChdbFolder(folder / "warehouse"), Settings())
    try:
        values = [click(n) for n in range(EVENTS)]
        ours, cost = asyncio.run(_ingest(folder / "log", warehouse, values))
        alone = _inserts_alone(warehouse, values)
        yield Result("ingest: log to warehouse, exactly once", ours, "events/s", "the same inserts alone", alone, cost)
        costly = [click(n, _costly_agent(n)) for n in range(EVENTS_OF_OTHER_AGENTS)]
        slow, cost = asyncio.run(_ingest(folder / "costly", warehouse, costly))
        yield Result(
            "ingest: each event with another costly user agent", slow, "events/s", "40 user agents", ours, cost
        )
    finally:
        warehouse.close()


def _costly_agent(n: int) -> str:
    return "".join(random.Random(n).choices(_WORDS, k=120))[:512]


def click(n: int, user_agent: str = "") -> bytes:
    """Encode the n-th click; without a `user_agent` it has one of 40."""
    agent = user_agent or _AGENT.format(100 + n % 40)
    touch = Touch(
        touch_id=os.urandom(27), ts=1_770_000_000_000_000 + n * 1_000, received_ts=1_770_000_000_000_000 + n * 1_000,
        offer_id=100 + n % 5, partner_id=1 + n % 40, link=f"l{n % 200}", subs={"sub1": f"s{n % 50}"},
        visitor_id=f"visitor-{n % 90_000}", ip=f"10.1.{n % 200}.{n % 250}", user_agent=agent,
        referrer="https://news.example/article", landing_url=f"https://shop.example/?cid={n}",
    )  # fmt: skip
    return encode(Kind.CLICK, touch)


async def _ingest(log: Path, warehouse: Warehouse, values: list[bytes]) -> tuple[float, str]:
    """Return events per second, and a note on the processor time of each."""
    clock, settings = SystemClock(), LogSettings()
    producer = SqliteProducer(log, 0, settings, clock, decide)
    for at in range(0, len(values), 4_000):
        await producer.append("hits", b"", values[at : at + 4_000])
    await producer.close()
    consumer = SqliteConsumer(log, GROUP, settings, clock)
    enricher = Enricher(open_geo(None), 20_000)
    ingest = Ingest(consumer, warehouse, enricher, IngestSettings(), clock, "bench")
    started, used = time.perf_counter(), time.process_time()
    await ingest.catch_up()
    seconds, used = time.perf_counter() - started, time.process_time() - used
    await consumer.close()
    return len(values) / seconds, f"{used / len(values) * 1e6:.1f} µs of processor time each, merges included"


def _inserts_alone(warehouse: Warehouse, values: list[bytes]) -> float:
    """Measure the limit: inserts of prepared columns."""
    records = [Record(n, value) for n, value in enumerate(values[:100_000])]
    batch = build_batch(Partition("hits", 99), "alone", 0, records, Enricher(open_geo(None), 20_000))
    started = time.perf_counter()
    for name, rows in batch.tables.items():
        for at in range(0, rows.num_rows, 100_000):
            warehouse.insert(name, rows.slice(at, 100_000), f"alone:{name}:{at}")
    return len(records) / (time.perf_counter() - started)
