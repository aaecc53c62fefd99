"""Two edges over one embedded log: a key is claimed once, whichever of them hears of it."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventlog.sqlite.producer import SqliteProducer
from runtime.clock import ManualClock
from runtime.settings import LogSettings
from schemas.dedup.rules import decide
from tests.tracker.edge_fixture import KEYS, NOW_US, SECRET, Stage
from tests.tracker.test_events import sale, touch
from tests.tracker.test_postbacks import token
from tracker.edge import EdgeDependencies
from tracker.http.app import EdgeApp


class Workers:
    """Edges with producers of their own over the log of one folder, in one event loop."""

    def __init__(self, folder: Path, count: int) -> None:
        clock = ManualClock(NOW_US)
        self.loop = asyncio.new_event_loop()
        self.producers = [SqliteProducer(folder, worker, LogSettings(), clock, decide) for worker in range(count)]
        self.stages = [Stage() for _ in range(count)]
        for stage, producer in zip(self.stages, self.producers, strict=True):
            stage.app = EdgeApp(EdgeDependencies(producer, stage.holder, KEYS, clock, stage.settings, os.urandom))

    def together(self, *asks: Any) -> list[Any]:
        async def all_of() -> list[Any]:
            return list(await asyncio.gather(*(ask() for ask in asks)))

        return self.loop.run_until_complete(all_of())

    def close(self) -> None:
        for producer in self.producers:
            self.loop.run_until_complete(producer.close())
        self.loop.close()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    opened = Workers(tmp_path, 2)
    yield opened
    opened.close()


def test_a_hundred_equal_postbacks_over_two_workers(workers: Workers) -> None:
    target = f"/postback?click_id={token()}&txn_id=t&amount=5&secret={SECRET}"
    asks = [(lambda stage=stage: stage.ask("GET", target)) for stage in workers.stages for _ in range(50)]
    answers = workers.together(*asks)
    verdicts = [answer.json["verdict"] for answer in answers]
    assert (verdicts.count("accepted"), verdicts.count("duplicate")) == (1, 99)
    assert len({answer.json["conversion_id"] for answer in answers}) == 1


def test_clicks_refusals_and_batches_are_durable(workers: Workers) -> None:
    one, two = workers.stages
    body = b"\n".join(json.dumps(line).encode() for line in (touch(), sale()))
    headers = [(b"authorization", b"Bearer key-for-v1-events")]
    answers = workers.together(
        lambda: one.ask("GET", "/c/bl-shoes"),
        lambda: two.ask("GET", "/c/nope"),
        lambda: one.ask("POST", "/v1/events", headers=headers, body=body),
        lambda: two.ask("POST", "/v1/events", headers=headers, body=body),
        lambda: two.ask("GET", "/readyz"),
    )
    assert [answer.status for answer in answers] == [302, 302, 200, 200, 200]
    assert (answers[0].verdict, answers[1].verdict) == ("accepted", "unknown_link")
    first, second = answers[2].lines, answers[3].lines
    assert {first[0]["click_id"]} == {second[0]["click_id"]}
    for pair in zip(first, second, strict=True):
        assert sorted(line["verdict"] for line in pair) == ["accepted", "duplicate"]
