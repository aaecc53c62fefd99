"""The producer while Kafka is away: what waits on disk, in which order it is sent, and what is answered."""

import asyncio
import resource
from pathlib import Path

import pytest

from eventlog.kafka.producer import UNPLACED
from eventlog.port import LogFull, LogUnavailable
from schemas.dedup.rules import decide
from schemas.events import CONVERSIONS, HITS
from tests.eventlog.fake_kafka import FakeKafka
from tests.eventlog.test_kafka_producer import SALES, ask, edge, sale, until, verdicts
from tests.eventlog.test_spill import locked
from tests.schemas.samples import conversion, refund, wire


@pytest.mark.parametrize("trouble", ["down", "hanging", "losing"])
def test_records_wait_here_while_kafka_is_away(tmp_path: Path, trouble: str) -> None:
    """Thousands of appends: only those that found it away first wait for it, and each is in the log once."""

    async def story() -> FakeKafka:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path) as made:
            setattr(kafka, trouble, True)
            for first in range(0, 5_000, 500):
                places = await asyncio.gather(
                    *(made.append(HITS, b"%d" % n, [b"%d" % n]) for n in range(first, first + 500))
                )
                assert {call[0].offset for call in places} == {UNPLACED}
            assert kafka.waiting_most <= 500 + 3
            assert await made.unhealthy_reason() is None and "5000 records wait in the local log" in (
                made.degraded_reason() or ""
            )
            setattr(kafka, trouble, False)
            await until(lambda: not made.degraded_reason())
        return kafka

    kafka = asyncio.run(story())
    kept = [value for *_, value in kafka.first_appends(HITS)]
    assert sorted(kept) == sorted(b"%d" % n for n in range(5_000))


def test_memory_stays_flat_while_appends_hang(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path) as made:
            kafka.hanging = True
            grown = []
            for _ in range(4):
                for _ in range(5):
                    await asyncio.gather(*(made.append(HITS, b"%d" % n, [bytes(4_000)]) for n in range(500)))
                grown.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
            kafka.hanging = False
            # 10 MB of records a round: the first may fill caches, the others hold nothing.
            assert grown[3] - grown[0] < 12 * 1024

    asyncio.run(story())


def test_sales_are_ruled_over_by_what_is_known_here_and_then_by_the_log(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path / "a") as one, edge(kafka, tmp_path / "b") as two:
            await ask(two, sale("known"))
            await until(lambda: one._tail._positions.get(SALES) == 1)
            kafka.down = True
            assert await verdicts(one, sale("new"), sale("known"), sale("known", amount_minor=1), sale("new")) == [
                ("accepted", False), ("duplicate", True), ("conflict", True), ("duplicate", True),
            ]  # fmt: skip
            assert await verdicts(two, sale("new", amount_minor=2)) == [("accepted", False)]
            assert await verdicts(one, sale("newer"), dry_run=True) == [("accepted", False)]
            paid_back = wire(refund(conversion("new").conversion_id, "r", 10_000))
            assert await verdicts(one, paid_back) == [("accepted", False)]
            with pytest.raises(LogUnavailable, match="not known here"):
                await ask(two, wire(refund(conversion("unknown").conversion_id, "r", 10_000)))
            kafka.down = False
            await until(lambda: not one.degraded_reason() and not two.degraded_reason())
            assert await verdicts(two, sale("new"), sale("newer")) in (
                [("duplicate", True), ("accepted", True)], [("conflict", True), ("accepted", True)],
            )  # fmt: skip
        spilled = [record for record in kafka.records[SALES] if record.append_id and record.append_id.spilled]
        assert len(spilled) == 3

    asyncio.run(story())


def test_an_append_that_gets_in_without_an_answer_is_told_by_the_tail(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path) as made:
            kafka.losing = True
            assert await verdicts(made, sale("a")) == [("accepted", True)]
            kafka.losing = False
        assert kafka.values(CONVERSIONS) == [sale("a")]

    asyncio.run(story())


def test_a_sale_whose_append_is_in_doubt_is_stored_once(tmp_path: Path) -> None:
    """It got in, nobody said so, and it is spilled as well: the second one is a duplicate for every reader."""

    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path) as made:
            kafka.losing = kafka.blind = True
            assert await verdicts(made, sale("a")) == [("accepted", False)]
            kafka.losing = kafka.blind = False
            await until(lambda: not made.degraded_reason())
            assert await verdicts(made, sale("a")) == [("duplicate", True)]
        assert len(kafka.values(CONVERSIONS)) >= 3 and set(kafka.values(CONVERSIONS)) == {sale("a")}
        states: dict[bytes, bytes] = {}
        accepted = 0
        for *_, value in kafka.first_appends(CONVERSIONS):
            decision = decide(states.get, value)
            states |= decision.puts
            accepted += decision.verdict == "accepted"
        assert accepted == 1

    asyncio.run(story())


def test_a_verdict_that_the_tail_does_not_tell_is_waited_for(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path) as made:
            kafka.blind = True
            asking = asyncio.ensure_future(ask(made, sale("a")))
            await until(lambda: kafka.values(CONVERSIONS))
            done, _ = await asyncio.wait((asking,), timeout=0.1)
            assert not done
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            kafka.blind = False
            assert await verdicts(made, sale("a")) == [("duplicate", True)]

    asyncio.run(story())


def test_new_sales_do_not_pass_those_that_wait_here(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path, probe_interval_ms=60) as made:
            kafka.down = True
            await ask(made, *(sale(f"t{n}") for n in range(5)))
            kafka.down = False
            # Kafka is back and nobody knows yet: what comes now follows what waits.
            found = await asyncio.gather(*(ask(made, sale(f"t{n}")) for n in range(5, 60)))
            assert {call[0].decision.verdict for call in found} == {"accepted"}
            await until(lambda: not made.degraded_reason())
            assert await verdicts(made, sale("last")) == [("accepted", True)]
        assert kafka.values(CONVERSIONS) == [*(sale(f"t{n}") for n in range(60)), sale("last")]

    asyncio.run(story())


def test_past_the_bound_nothing_is_taken(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path, bytes_max=20_000) as made:
            kafka.down = True
            found: list[str] = []
            for n in range(200):
                try:
                    found += [verdict for verdict, _ in await verdicts(made, sale(f"t{n}"))]
                except LogFull as full:
                    assert full.retry_after_s > 1
                    found.append("full")
            assert found == sorted(found) and set(found) == {"accepted", "full"}
            with pytest.raises(LogFull):
                for _ in range(200):
                    await made.append(HITS, b"", [bytes(100)])
            assert "bytes_max" in (await made.unhealthy_reason() or "")
            kafka.down = False
            await until(lambda: not made.degraded_reason())
            assert await made.unhealthy_reason() is None
            assert await verdicts(made, sale("t199"), sale("t0")) == [("accepted", True), ("duplicate", True)]

    asyncio.run(story())


def test_a_local_log_that_cannot_be_written_is_not_ready(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path, probe_interval_ms=60_000) as made:
            kafka.down = True
            with locked(tmp_path / "spill-0.sqlite"):
                with pytest.raises(LogUnavailable, match="locked"):
                    await made.append(HITS, b"k", [b"x"])
                assert "locked" in (await made.unhealthy_reason() or "")
            assert await made.unhealthy_reason() is None
            await made.append(HITS, b"k", [b"x"])

    asyncio.run(story())
