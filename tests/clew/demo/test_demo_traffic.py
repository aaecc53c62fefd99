"""The demo's traffic against the real edge with a log in memory: what it has to show is in it."""

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import httpx
import pytest

from clew.demo.history import DAYS, history
from clew.demo.program import demo_program_toml
from clew.demo.run import DemoSummary, run_demo_traffic
from eventlog.memory import MemoryLog, MemoryProducer
from installation.keys import load_or_make_keys
from integrations.files.replay.send import ReplayError
from program.file import read_program
from runtime.clock import ManualClock, SystemClock
from runtime.settings import TrackerSettings
from schemas.dedup.rules import decide
from schemas.events import Adjustment, Conversion, Rejected, Touch
from schemas.wire import decode
from tracker.edge import CurrentProgram, EdgeDependencies
from tracker.http.app import EdgeApp

API_KEY = "key-of-the-demo-0123456789"
VISITORS = 900
NOW_US = 1_764_000_000_000_000


def test_the_program_has_no_mistake_and_no_warning() -> None:
    reading = read_program(demo_program_toml(API_KEY), lambda name: None)
    assert (reading.mistakes, reading.warnings) == ((), ())
    assert reading.program is not None and reading.program.secrets.api_keys == (API_KEY,)


def test_the_same_seed_makes_the_same_history() -> None:
    lines = history(random.Random(7), NOW_US, 100)
    assert history(random.Random(7), NOW_US, 100) == lines
    assert history(random.Random(8), NOW_US, 100) != lines
    day_us = 86_400_000_000
    assert all(NOW_US - (DAYS + 1) * day_us <= line["ts"] <= NOW_US for line in lines)
    assert len({(line["type"], line["id"]) for line in lines}) == len(lines)
    assert [line["ts"] for line in lines] != sorted(line["ts"] for line in lines), "some are late"


def test_the_traffic_has_what_the_demo_shows(tmp_path: Path) -> None:
    log, summary = _run(tmp_path)
    said = summary.verdicts
    for what in (
        "adjustment: accepted",
        "click: accepted",
        "click: deeplink_not_allowed",
        "click: duplicate",
        "click: unknown_link",
        "conversion: accepted",
        "impression: accepted",
        "postback: accepted",
        "postback: duplicate",
        "postback: malformed",
        "postback: rejected",
    ):
        assert said.get(what, 0) > 0, what
    assert not any(name.endswith((": none", ": unrecorded", ": conflict")) for name in said)
    assert summary.sent == sum(said.values()) < 6_000
    events = [decode(value)[1] for records in log.records.values() for value in records]
    kinds = Counter(type(event) for event in events)
    assert kinds[Touch] > 1_000 and kinds[Conversion] > 100 and kinds[Adjustment] > 20 and kinds[Rejected] > 5
    explained = [event for event in events if getattr(event, "conversion_id", b"").hex() == summary.conversion_id]
    assert [type(event) for event in explained] == [Conversion, Adjustment]
    live = [event for event in events if isinstance(event, Touch) and event.redirect_type != "api"]
    visits = Counter(event.visitor_id for event in live)
    assert max(visits.values()) > 1, "visitors come back with their cookie"
    assert any(event.subs.get("sub3") == "autumn-guide" for event in live), "links have subs of their own"
    assert any(event.visitor_id.startswith("~") for event in live) and any(event.consent for event in live)


def test_nobody_there_is_an_error() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    clock = ManualClock(NOW_US)
    transport = httpx.MockTransport(refuse)

    async def run() -> None:
        task = asyncio.create_task(
            run_demo_traffic("http://clew.example", API_KEY, 1, lambda text: None, clock=clock, transport=transport)
        )
        await asyncio.sleep(0)
        clock.step_us(0)
        while not task.done():
            clock.step_us(60_000_000)
            await asyncio.sleep(0.01)
        await task

    with pytest.raises(ReplayError, match="cannot be reached"):
        asyncio.run(run())


def _run(folder: Path) -> tuple[MemoryLog, DemoSummary]:
    program = read_program(demo_program_toml(API_KEY), lambda name: None).program
    assert program is not None
    log, clock = MemoryLog(), SystemClock()
    edge = EdgeDependencies(
        producer=MemoryProducer(log, decide),
        program=CurrentProgram(program),
        keys=load_or_make_keys(folder / "keys.toml", os.urandom, clock.now_us() // 1_000),
        clock=clock,
        settings=TrackerSettings(),
        random_bytes=os.urandom,
    )
    transport = httpx.ASGITransport(EdgeApp(edge), client=("127.0.0.1", 1))
    told: list[str] = []
    summary = asyncio.run(
        run_demo_traffic("http://clew.example", API_KEY, 1, told.append, visitors_count=VISITORS, transport=transport)
    )
    assert len(told) == 2
    return log, summary
