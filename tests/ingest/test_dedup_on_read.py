"""Ingest over a log that its producers do not deduplicate: repeats are dropped, verdicts applied, redos agree."""

import asyncio

import pytest

from eventlog.memory import MemoryConsumer, MemoryLog
from eventlog.port import AppendId, Fenced, LogUnavailable, Partition, Position, Record
from ingest.loop import GROUP
from schemas.ddl import DATABASE
from schemas.events import HITS
from schemas.wire import decode
from tests.ingest.dedup_on_read import Appends, appends, check, column, expected, log_with, stored
from tests.ingest.ingest_fixture import HITS_0, NEWER, SALES_0, Crash, Faulty, LosesCommits, ingest_of
from tests.schemas.samples import conversion, touch, wire
from warehouse.port import Warehouse, scalar_of

ME = b"m" * 16


def with_append_ids(*values: bytes, first: int = 0) -> list[tuple[bytes, AppendId]]:
    return [(value, AppendId(ME, first + n)) for n, value in enumerate(values)]


@pytest.mark.parametrize(("seed", "rows_max"), [(1, 1000), (2, 7), (3, 25), (4, 1)])
def test_every_record_becomes_what_the_contract_says(warehouse: Warehouse, seed: int, rows_max: int) -> None:
    made = appends(seed, 40 if rows_max == 1 else 150)
    log = log_with(made)
    asyncio.run(ingest_of(log, warehouse, batch_rows_max=rows_max).catch_up())
    check(warehouse, log, made)
    verdicts = {verdict for records in made.values() for verdict in expected(records).verdict.values()}
    if rows_max > 1:
        assert verdicts == {"repeat", "duplicate", "conflict", "rejected"}


@pytest.mark.parametrize("seed", [5, 6])
def test_other_batches_and_other_processes_come_to_the_same(warehouse: Warehouse, seed: int) -> None:
    made = appends(seed, 120)
    log = log_with(made)

    async def story() -> None:
        for rows_max in (13, 1, 40, 5):  # each a process that remembers nothing
            await ingest_of(log, warehouse, batch_rows_max=rows_max).step()
        await ingest_of(log, warehouse, batch_rows_max=9).catch_up()

    asyncio.run(story())
    check(warehouse, log, made)


def run_with_a_crash(log: MemoryLog, faulty: Faulty, number: int, when: str, rows_max: int) -> bool:
    """Run until the n-th insert ends the process; return whether it came that far."""

    def end(at: int, table: str, rows: object) -> None:
        if at == number:
            raise Crash

    setattr(faulty, when, end)
    try:
        asyncio.run(ingest_of(log, faulty, batch_rows_max=rows_max).catch_up())
    except Crash:
        return True
    return False


@pytest.mark.parametrize(("number", "when"), [(0, "before"), *((number, "after") for number in range(16))])
def test_a_crash_at_each_insert(warehouse: Warehouse, number: int, when: str) -> None:
    """Two batches of conversions with eight inserts each at most, then hits; the redo has batches of another size.

    After one insert and before the next the same rows are stored.
    """
    made = appends(11, 60)
    log = log_with(made)
    crashed = run_with_a_crash(log, Faulty(warehouse), number, when, rows_max=30)
    assert crashed
    asyncio.run(ingest_of(log, warehouse, batch_rows_max=40).catch_up())
    check(warehouse, log, made)


@pytest.mark.parametrize("number", range(0, 16, 3))
def test_a_crash_and_positions_that_are_gone(warehouse: Warehouse, number: int) -> None:
    """The stored rows of the newest batch show where it began; the rest gets the same decisions."""
    made = appends(12, 60)
    log = log_with(made)
    assert run_with_a_crash(log, Faulty(warehouse), number, "after", rows_max=30)
    log.positions.clear()
    asyncio.run(ingest_of(log, warehouse, batch_rows_max=40).catch_up())
    check(warehouse, log, made)


@pytest.mark.parametrize("commits", range(1, 12))
def test_a_crash_at_each_commit(warehouse: Warehouse, commits: int) -> None:
    made = appends(13, 60)
    log = log_with(made)
    with pytest.raises(Crash):
        asyncio.run(ingest_of(LosesCommits(log, commits - 1), warehouse, batch_rows_max=25).catch_up())
    asyncio.run(ingest_of(log, warehouse, batch_rows_max=25).catch_up())
    check(warehouse, log, made)


@pytest.mark.parametrize("table", ["claims", "origins", "skipped", "conversions"])
def test_a_token_that_outlived_its_rows(warehouse: Warehouse, table: str) -> None:
    made = {SALES_0: appends(14, 60)[SALES_0]}
    log, faulty, ghost = log_with(made), Faulty(warehouse), set[str]()

    def end(at: int, name: str, rows: object) -> None:
        if name == table:
            ghost.add(faulty.last_token)
            raise Crash

    faulty.before = end
    with pytest.raises(Crash):
        asyncio.run(ingest_of(log, faulty).catch_up())
    again = Faulty(warehouse)
    again.ghosts = frozenset(ghost)
    asyncio.run(ingest_of(log, again).catch_up())
    check(warehouse, log, made)


def test_keys_are_known_for_ever_though_the_topic_was_remade(warehouse: Warehouse) -> None:
    made = appends(15, 80)
    log = log_with(made)
    asyncio.run(ingest_of(log, warehouse, batch_rows_max=20).catch_up())
    states: dict[bytes, bytes] = {}
    for records in made.values():
        expected(records, states)
    again = appends(16, 80)
    second = log_with(again)  # other identities, and offsets that were used before
    asyncio.run(ingest_of(second, warehouse, batch_rows_max=15).catch_up())
    check(warehouse, second, again, states)
    check(warehouse, log, made)
    double = "SELECT count() - uniqExact(conversion_id) FROM clew.conversions"
    assert scalar_of(warehouse.query(double)) == 0


def test_other_partitions_of_the_same_topic_do_not_rule(warehouse: Warehouse) -> None:
    """A line's key belongs to the partition that its records go to; sequences count in each partition from 0."""
    line = wire(touch(1, ref="a1"))
    hits_1 = Partition(HITS, 1)
    made: Appends = {HITS_0: with_append_ids(line, line), hits_1: with_append_ids(line)}
    log = log_with(made)
    asyncio.run(ingest_of(log, warehouse).catch_up())
    check(warehouse, log, made)
    assert stored(warehouse, HITS_0, log.log_ids[HITS_0]) == {0: ["clicks"], 1: ["skipped"]}
    assert stored(warehouse, hits_1, log.log_ids[hits_1]) == {0: ["clicks"]}


def test_records_that_no_edge_wrote_are_kept(warehouse: Warehouse) -> None:
    """Without an append id there are no repeats; they count by their offsets."""
    log = log_with({HITS_0: with_append_ids(wire(touch(1)))})
    log.records[HITS_0] += [wire(touch(2)), wire(touch(2))]
    asyncio.run(ingest_of(log, warehouse).catch_up())
    assert stored(warehouse, HITS_0, log.log_ids[HITS_0]) == {0: ["clicks"], 1: ["clicks"], 2: ["clicks"]}
    ranges = column(warehouse, "(hex(origin), first, last)", "origins", HITS_0, log.log_ids[HITS_0])
    assert ranges == [(ME.hex().upper(), 0, 0), ("00" * 16, 1, 2)]


def test_a_refusal_that_nobody_was_told_is_in_rejected(warehouse: Warehouse) -> None:
    sale, other = conversion("t"), conversion("t", amount_minor=1, sender_ip="192.0.2.9")
    records = [(wire(sale), AppendId(ME, 0)), (wire(other), AppendId(ME, 1)), (wire(other), AppendId(ME, 2, True))]
    line, changed = touch(1, ref="a1"), touch(1, ref="a1", link="other", visitor_id="v")
    made = {SALES_0: records, HITS_0: with_append_ids(wire(line), wire(changed))}
    log = log_with(made)
    asyncio.run(ingest_of(log, warehouse).catch_up())
    check(warehouse, log, made)
    sql = (
        "SELECT _source AS topic, _offset AS at, kind, reason, field, ip, fields['amount'] AS amount, ref, link, "
        f"visitor_id, hex(conversion_id) = '{sale.conversion_id.hex().upper()}' AS same FROM {DATABASE}.rejected "
        "ORDER BY topic"
    )
    assert [tuple(row.values()) for row in warehouse.query(sql).to_pylist()] == [
        ("conversions", 2, "conversion", "conflict", "amount", "192.0.2.9", "0.01", "", "", "", 1),
        ("hits", 1, "click", "conflict", "id", "", "", "a1", "other", "v", 0),
    ]
    skipped = column(warehouse, "(verdict, reason, hex(key))", "skipped", SALES_0, log.log_ids[SALES_0])
    assert skipped == [("conflict", "conflict", sale.conversion_id.hex().upper())]


def test_a_newer_record_pauses_and_what_follows_is_no_repeat_later(warehouse: Warehouse) -> None:
    clicks = [wire(touch(n)) for n in range(4)]
    made = {HITS_0: with_append_ids(clicks[0], NEWER, clicks[1], clicks[2])}
    log = log_with(made)
    ingest = ingest_of(log, warehouse)
    asyncio.run(ingest.catch_up())
    assert ingest.paused == {HITS_0: 254}
    assert column(warehouse, "(first, last)", "origins", HITS_0, log.log_ids[HITS_0]) == [(0, 0)]
    log.records[HITS_0][1] = clicks[3]
    asyncio.run(ingest_of(log, warehouse).catch_up())
    made[HITS_0][1] = (clicks[3], made[HITS_0][1][1])
    check(warehouse, log, made)


# -- several ingests


class Member(MemoryConsumer):
    """One of several consumers of a group: it owns what it is told to own, and is fenced elsewhere."""

    def __init__(self, log: MemoryLog, *owned: Partition) -> None:
        super().__init__(log, GROUP)
        self.owned = set(owned)
        self.away: set[Partition] = set()
        self.before_commit: list[Partition] = []
        """Partitions that are lost at the next commit."""

    async def partitions(self) -> list[Partition]:
        return sorted(self.owned)

    async def end(self, partition: Partition) -> int:
        if partition in self.away:
            raise LogUnavailable(f"{partition} has no leader")
        return await super().end(partition)

    async def commit(self, partition: Partition, position: Position) -> None:
        if partition in self.before_commit:
            self.before_commit.remove(partition)
            self.owned.discard(partition)
        if partition not in self.owned:
            raise Fenced(f"{partition} is another's")
        await super().commit(partition, position)


@pytest.mark.parametrize("lost_at", [0, 1, 2])
def test_a_partition_that_is_lost_is_finished_by_its_next_owner(warehouse: Warehouse, lost_at: int) -> None:
    """At the commit of the beginning, of an intent, of a position: the one that lost it goes on with the others."""
    made = appends(21, 60)
    log = log_with(made)
    one, other = Member(log, HITS_0, SALES_0), Member(log)
    first, second = ingest_of(one, warehouse, batch_rows_max=10), ingest_of(other, warehouse, batch_rows_max=17)

    async def story() -> None:
        if lost_at:
            await first.step()
        if lost_at == 2:
            commit = one.commit

            async def lose(partition: Partition, position: Position) -> None:
                await commit(partition, position)
                if partition == SALES_0 and position.intent:
                    one.before_commit.append(partition)

            one.commit = lose  # type: ignore[method-assign]
        else:
            one.before_commit.append(SALES_0)
        await first.catch_up()
        assert one.owned == {HITS_0}
        done = await one.committed(HITS_0)
        assert done == Position(60)
        other.owned.add(SALES_0)
        await second.catch_up()

    asyncio.run(story())
    check(warehouse, log, made)


def test_partitions_come_and_go(warehouse: Warehouse) -> None:
    """State of a partition in memory is dropped when the partition returns from another process."""
    partitions = [HITS_0, Partition(HITS, 1), Partition(HITS, 2), SALES_0]
    made = appends(22, 90, partitions)
    log = log_with(made)
    members = [Member(log), Member(log), Member(log)]
    ingests = [ingest_of(member, warehouse, batch_rows_max=10) for member in members]

    async def story() -> None:
        for turn in range(12):
            for member in members:
                member.owned.clear()
            for n, partition in enumerate(partitions):
                members[(n * turn + turn) % 3].owned.add(partition)
            for ingest in ingests:
                await ingest.step()
        members[0].owned = set(partitions)
        await ingests[0].catch_up()

    asyncio.run(story())
    check(warehouse, log, made)


def test_a_pause_goes_with_its_partition(warehouse: Warehouse) -> None:
    log = log_with({HITS_0: with_append_ids(NEWER)})
    member = Member(log, HITS_0)
    ingest = ingest_of(member, warehouse)
    asyncio.run(ingest.step())
    assert ingest.paused == {HITS_0: 254}
    member.owned.clear()
    asyncio.run(ingest.step())
    assert ingest.paused == {}


def test_a_partition_without_a_leader_does_not_hold_up_the_others(warehouse: Warehouse) -> None:
    made = appends(23, 40)
    log = log_with(made)
    member = Member(log, HITS_0, SALES_0)
    member.away.add(SALES_0)
    ingest = ingest_of(member, warehouse)

    async def story() -> None:
        assert await ingest.step() == 40
        with pytest.raises(LogUnavailable, match="has no leader"):
            await ingest.catch_up()
        member.away.clear()
        await ingest.catch_up()

    asyncio.run(story())
    check(warehouse, log, made)


class Trimmed(MemoryConsumer):
    """The first records of the hits are no longer kept."""

    async def read(self, partition: Partition, offset: int, rows_max: int, bytes_max: int) -> list[Record]:
        kept = 30 if partition == HITS_0 else 0
        return list(await super().read(partition, max(kept, offset), rows_max, bytes_max))


def test_records_that_are_gone_do_not_hold_it_up(warehouse: Warehouse) -> None:
    made = appends(24, 60)
    log = log_with(made)
    asyncio.run(ingest_of(Trimmed(log, GROUP), warehouse, batch_rows_max=20).catch_up())
    assert sorted(stored(warehouse, HITS_0, log.log_ids[HITS_0])) == list(range(30, 60))


def test_samples_decode() -> None:
    """The records of these tests are of all kinds that the tables hold."""
    kinds = {expected(records).table[n] for records in appends(1, 150).values() for n in range(150)}
    assert len(kinds) == 7 and decode(wire(conversion("t")))
