"""The contract of logs whose producers deduplicate: dedup keys and records are one transaction."""

import asyncio
from collections.abc import Awaitable

from eventlog.port import Partition, Producer, Record
from schemas.dedup.rules import Decision, GetState
from schemas.events import CONVERSIONS, HITS
from tests.contracts.eventlog import Bench, close, decide, read_all, sales, sent, values
from tests.schemas.samples import conversion, refund, touch, wire


def choosy(get: GetState, value: bytes) -> Decision:
    """A rule that breaks at one record, in a way that nobody foresaw."""
    if value.endswith(b"bad"):
        raise KeyError("an error of a kind that is no ValueError")
    return Decision("accepted", value, {value: b"claimed"}) if get(value) is None else Decision("duplicate")


class DecidingLogContract:
    """Needs a fixture `bench`."""

    def test_offsets_of_several_writers_have_no_gap(self, bench: Bench) -> None:
        async def story() -> None:
            producers = [bench.producer(worker) for worker in (0, 1)]
            calls: list[Awaitable[list[tuple[Partition, int, bytes]]]] = []
            for n in range(12):
                producer = producers[n % 2]
                calls.append(sent(producer, HITS, values(3, f"h{n}-")))
                calls.append(sent_ruled(producer, sales(f"t{n}-0", f"t{n}-1")))
            where = [place for call in await asyncio.gather(*calls) for place in call]
            consumer = bench.consumer("a")
            stored = {
                (partition, record.offset): record.value
                for partition in await consumer.partitions()
                for record in await read_all(consumer, partition)
            }
            assert {(partition, offset): value for partition, offset, value in where} == stored
            assert len(where) == 12 * 5
            for partition in {place[0] for place in where}:
                offsets = sorted(offset for p, offset in stored if p == partition)
                assert offsets == list(range(len(offsets)))
                assert await consumer.end(partition) == len(offsets)
            await close(*producers, consumer)

        asyncio.run(story())

    def test_of_the_same_key_at_once_one_is_accepted(self, bench: Bench) -> None:
        async def story() -> None:
            producers = [bench.producer(worker) for worker in (0, 1)]
            verdicts = await asyncio.gather(*(decide(producers[n % 2], sales("same")) for n in range(30)))
            assert sorted(verdict for call in verdicts for verdict in call) == ["accepted"] + ["duplicate"] * 29
            assert await decide(producers[0], sales("a", "b", "a")) == ["accepted", "accepted", "duplicate"]
            consumer = bench.consumer("a")
            assert [r.value for r in await read_all(consumer, Partition(CONVERSIONS, 0))] == sales("same", "a", "b")
            await close(*producers, consumer)

        asyncio.run(story())

    def test_a_ruling_may_store_another_record_than_it_was_given(self, bench: Bench) -> None:
        async def story() -> None:
            producer, consumer = bench.producer(0), bench.consumer("a")
            sale = conversion("a")
            asked = wire(refund(sale.conversion_id, "r", -1))
            assert await decide(producer, [wire(sale), asked]) == ["accepted", "accepted"]
            found = await read_all(consumer, Partition(CONVERSIONS, 0))
            assert found[1].value == wire(refund(sale.conversion_id, "r", 75_000))
            await close(producer, consumer)

        asyncio.run(story())

    def test_what_is_not_accepted_takes_no_offset(self, bench: Bench) -> None:
        async def story() -> None:
            producer, consumer = bench.producer(0), bench.consumer("a")
            other = wire(conversion("a", amount_minor=1))
            await decide(producer, sales("a"))
            results = await producer.decide(CONVERSIONS, [*sales("a"), other], keys=[b"", b""])
            assert [(one.decision.verdict, one.appended) for one in results] == [
                ("duplicate", None),
                ("conflict", None),
            ]
            assert await consumer.end(Partition(CONVERSIONS, 0)) == 1
            await close(producer, consumer)

        asyncio.run(story())

    def test_a_dry_run_writes_nothing(self, bench: Bench) -> None:
        async def story() -> None:
            producer, consumer = bench.producer(0), bench.consumer("a")
            results = await producer.decide(CONVERSIONS, sales("a"), keys=[b""], dry_run=True)
            assert (results[0].decision.verdict, results[0].appended) == ("accepted", None)
            assert results[0].decision.issued == conversion("a").conversion_id
            assert await consumer.end(Partition(CONVERSIONS, 0)) == 0
            assert await decide(producer, sales("a")) == ["accepted"]
            assert await decide(producer, sales("a"), dry_run=True) == ["duplicate"]
            await close(producer, consumer)

        asyncio.run(story())

    def test_a_call_is_kept_whole_or_not_at_all(self, bench: Bench) -> None:
        """Claims and records of a call that breaks are undone, and the calls beside it are not touched."""

        async def story() -> None:
            producer, consumer = bench.producer(0, choosy), bench.consumer("a")
            calls = [[b"a"], [b"b", b"bad", b"c"], [b"d"]]
            results = await asyncio.gather(
                *(producer.decide(CONVERSIONS, call, keys=call) for call in calls), return_exceptions=True
            )
            assert [isinstance(result, KeyError) for result in results] == [False, True, False]
            assert await decide(producer, [b"b", b"c", b"a"]) == ["accepted", "accepted", "duplicate"]
            found = [record.value for record in await read_all(consumer, Partition(CONVERSIONS, 0))]
            assert found == [b"a", b"d", b"b", b"c"]
            await close(producer, consumer)

        asyncio.run(story())

    def test_a_line_of_clicks_is_stored_once(self, bench: Bench) -> None:
        async def story() -> None:
            producer, consumer = bench.producer(0), bench.consumer("a")
            line, other = wire(touch(1, ref="a1")), wire(touch(1, ref="a1", partner_id=8))
            results = await producer.decide(HITS, [line, line, other], keys=[b""] * 3)
            assert [one.decision.verdict for one in results] == ["accepted", "duplicate", "conflict"]
            assert await read_all(consumer, Partition(HITS, 0)) == [Record(0, line)]
            await close(producer, consumer)

        asyncio.run(story())


async def sent_ruled(producer: Producer, records: list[bytes]) -> list[tuple[Partition, int, bytes]]:
    """The same for records that claim keys, all of them new."""
    results = await producer.decide(CONVERSIONS, records, keys=records)
    places = []
    for one, value in zip(results, records, strict=True):
        assert one.appended is not None
        places.append((one.appended.partition, one.appended.offset, value))
    return places
