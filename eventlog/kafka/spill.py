"""The edge's local log for the time when Kafka is away: records with their partition, key and append id, in order.

As durable as the embedded log (WAL, synchronous=FULL, group commit) and bounded in bytes. One process writes and
empties a file; what a dead process left is emptied by whoever takes its slot. A record leaves the file after Kafka
has acknowledged it, so a crash between the two sends it again with the same append id, which readers know as a repeat.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from eventlog.kafka.appender import Entry
from eventlog.kafka.file_slots import Slot
from eventlog.port import AppendId, DedupRule, LogFull, LogUnavailable, Partition
from eventlog.sqlite import file
from runtime import metrics
from runtime.logs import Throttled, logger
from schemas.dedup.rules import Decision

_log = Throttled(logger("eventlog"))
_T = TypeVar("_T")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, id INTEGER NOT NULL,
    key BLOB NOT NULL, value BLOB NOT NULL, origin BLOB NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (topic, partition, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (
    partition INTEGER NOT NULL, key BLOB NOT NULL, state BLOB NOT NULL, PRIMARY KEY (partition, key)
) WITHOUT ROWID;
"""
_RECORD_OVERHEAD_BYTES = 64
_RETRY_AFTER_S = 10
_BUSY_TIMEOUT_MS = 1_000
WAITING_BYTES_MAX = 64 * 1024**2
"""Most bytes in memory that wait for the disk."""

Known = Callable[[Partition, bytes], bytes | None]
"""State of a key as far as the log is known here."""


class Candidate(NamedTuple):
    """A record that claims keys; it gets an append id once it is to be kept."""

    key: bytes
    value: bytes


@dataclass(slots=True)
class _Work:
    """One caller's records, and the future that tells it how they fared."""

    partition: Partition
    size: int
    future: "asyncio.Future[Any]"
    entries: Sequence[Entry] = ()
    candidates: Sequence[Candidate] = ()
    dry_run: bool = False

    @property
    def rows(self) -> int:
        """Most records that it may add."""
        return 0 if self.dry_run else len(self.entries) + len(self.candidates)


@dataclass(slots=True)
class _Backlog:
    records: int = 0
    size: int = 0


@dataclass(slots=True)
class _Change:
    """What a transaction adds, by partition; it counts once it is committed."""

    added: dict[Partition, _Backlog] = field(default_factory=dict)

    def add(self, partition: Partition, size: int) -> None:
        backlog = self.added.setdefault(partition, _Backlog())
        backlog.records += 1
        backlog.size += size


class Spill:
    """One file of the local log. All methods are called from one event loop; SQL runs in a thread of its own."""

    def __init__(
        self, slot: Slot, bytes_max: int, rule: DedupRule, known: Known, append_id: Callable[[Partition], AppendId]
    ) -> None:
        """`known` is called in this spill's thread only. Raises sqlite3.Error, OSError."""
        self._slot, self._bytes_max, self._rule, self._known, self._append_id = slot, bytes_max, rule, known, append_id
        self._waiting: list[_Work] = []
        self._waiting_bytes = 0
        self._committing: asyncio.Task[None] | None = None
        self._backlog: dict[Partition, _Backlog] = {}
        self._pending: dict[Partition, int] = {}
        self._refused = False
        self._closed = False
        self.trouble = ""
        """Why the last commit failed; "" when it went through."""
        self._connection: sqlite3.Connection | None = None
        self._next_id = 0
        self._recount: dict[Partition, _Backlog] | None = None
        self._open()
        self._take_recount()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"spill {slot.number}")

    # -- what it holds

    @property
    def number(self) -> str:
        """Number of its slot."""
        return self._slot.number

    @property
    def records(self) -> int:
        return sum(backlog.records for backlog in self._backlog.values())

    @property
    def size_bytes(self) -> int:
        return sum(backlog.size for backlog in self._backlog.values())

    @property
    def full(self) -> bool:
        """Whether it has refused a record for want of room and nothing has left it since."""
        return self._refused or self.size_bytes >= self._bytes_max

    def backlog(self, partition: Partition) -> int:
        """Records of a partition that are here or about to be."""
        found = self._backlog.get(partition)
        return self._pending.get(partition, 0) + (found.records if found else 0)

    def partitions(self) -> list[Partition]:
        """Partitions that have records here."""
        return sorted(partition for partition, backlog in self._backlog.items() if backlog.records)

    # -- what goes in

    async def put(self, partition: Partition, entries: Sequence[Entry]) -> None:
        """Keep records; returns when they are durable. None ask whether it can. Raises LogFull, LogUnavailable."""
        size = sum(_size(entry.key, entry.value) for entry in entries)
        await self._submit(_Work(partition, size, self._future(), entries=entries))

    async def decide(self, partition: Partition, candidates: Sequence[Candidate], *, dry_run: bool) -> list[Decision]:
        """DedupRule by what is known here, and keep what is accepted or claims anything.

        The candidate is kept, not the record that the decision makes of it: the log's readers rule again. A call is
        kept whole or not at all. Raises LogFull, LogUnavailable, and what the rule raises.
        """
        size = 0 if dry_run else sum(_size(one.key, one.value) for one in candidates)
        work = _Work(partition, size, self._future(), candidates=candidates, dry_run=dry_run)
        decisions: list[Decision] = await self._submit(work)
        return decisions

    # -- what goes out

    async def next(self, partition: Partition, rows_max: int, bytes_max: int) -> tuple[list[Entry], int]:
        """The oldest records of a partition, at least one if there is one, and what `drop` takes."""

        def read() -> tuple[list[Entry], int]:
            cursor = self._connected().execute(
                "SELECT id, key, value, origin, sequence FROM records WHERE topic = ? AND partition = ? "
                "ORDER BY id LIMIT ?", (*partition, rows_max),
            )  # fmt: skip
            entries: list[Entry] = []
            size, last = 0, -1
            for number, key, value, origin, sequence in cursor:
                size += _size(key, value)
                if entries and size > bytes_max:
                    break
                entries.append(Entry(key, value, AppendId(origin, sequence, spilled=True)))
                last = number
            cursor.close()
            return entries, last

        return await self._call(read)

    async def drop(self, partition: Partition, entries: Sequence[Entry], last: int) -> None:
        """Forget the records that `next` gave: Kafka has them."""
        size = sum(_size(entry.key, entry.value) for entry in entries)

        def delete() -> None:
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM records WHERE topic = ? AND partition = ? AND id <= ?", (*partition, last))
            left = connection.execute("SELECT 1 FROM records WHERE topic = ? AND partition = ? LIMIT 1", partition)
            if left.fetchone() is None:  # from here on the log knows what was claimed here
                connection.execute("DELETE FROM claims WHERE partition = ?", (partition.partition,))
            connection.execute("COMMIT")

        await self._call(delete)
        self._take_recount()
        self._count(partition, -len(entries), -size)
        self._refused = False

    async def close(self) -> None:
        """Finish what waits and let go of the file. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._committing is not None:
            await self._committing
        await asyncio.get_running_loop().run_in_executor(self._thread, self._give_up)
        self._thread.shutdown()
        self._slot.let_go()

    # -- group commit

    def _future(self) -> "asyncio.Future[Any]":
        return asyncio.get_running_loop().create_future()

    async def _submit(self, work: _Work) -> Any:
        if self._closed:
            raise LogUnavailable("the local log is being closed")
        if work.size and self.size_bytes + self._waiting_bytes + work.size > self._bytes_max:
            self._refused = True
            raise LogFull(f"the local log has reached spill.bytes_max ({self._bytes_max} bytes)", _RETRY_AFTER_S)
        if self._waiting and self._waiting_bytes + work.size > WAITING_BYTES_MAX:
            raise LogUnavailable(f"{self._waiting_bytes} bytes wait for the disk already")
        self._waiting.append(work)
        self._waiting_bytes += work.size
        self._pending[work.partition] = self._pending.get(work.partition, 0) + work.rows
        if self._committing is None:
            self._committing = asyncio.ensure_future(self._commit_all())
        return await work.future

    async def _commit_all(self) -> None:
        """Turn whatever waits into one transaction after the other."""
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                results, change = await self._call(lambda group=group: self._commit(group))  # type: ignore[misc]
                self.trouble = ""
            except Exception as error:  # noqa: BLE001 - whatever it is, the callers wait for an answer
                self.trouble = str(error) or type(error).__name__
                _log.error("spill_failed", error=self.trouble, records=sum(work.rows for work in group))
                results, change = [error] * len(group), _Change()
            self._take_recount()
            for partition, added in change.added.items():
                self._count(partition, added.records, added.size)
            self._waiting_bytes = sum(work.size for work in self._waiting)
            for work, result in zip(group, results, strict=True):
                self._pending[work.partition] -= work.rows
                _settle(work.future, result)
        self._committing = None

    def _commit(self, group: list[_Work]) -> tuple[list[Any], _Change]:
        connection, change = self._connected(), _Change()
        results: list[Any] = []
        connection.execute("BEGIN IMMEDIATE")
        for work in group:
            if not work.rows and not work.dry_run:  # asks whether the disk can be written
                connection.execute("PRAGMA user_version = 1")
            self._insert(connection, work.partition, work.entries, change)
            if not work.candidates:
                results.append(None)
                continue
            try:
                decisions, puts, entries = self._ruled(connection, work)
            except (sqlite3.Error, OSError):
                raise
            except Exception as error:  # noqa: BLE001 - one caller's bad record is not the others' trouble
                results.append(error)
                continue
            results.append(decisions)
            if not work.dry_run:
                claims = [(work.partition.partition, key, state) for key, state in puts.items()]
                connection.executemany("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", claims)
                self._insert(connection, work.partition, entries, change)
        connection.execute("COMMIT")
        return results, change

    def _ruled(
        self, connection: sqlite3.Connection, work: _Work
    ) -> tuple[list[Decision], dict[bytes, bytes], list[Entry]]:
        """Rulings over one caller's candidates, the states they put, and what is to be kept."""
        puts: dict[bytes, bytes] = {}

        def get(key: bytes) -> bytes | None:
            if key in puts:
                return puts[key]
            row = connection.execute(
                "SELECT state FROM claims WHERE partition = ? AND key = ?", (work.partition.partition, key)
            ).fetchone()
            return bytes(row[0]) if row is not None else self._known(work.partition, key)

        decisions, kept = [], []
        for candidate in work.candidates:
            decision = self._rule(get, candidate.value)
            puts |= decision.puts
            decisions.append(decision)
            if decision.verdict == "accepted" or decision.puts:
                kept.append(candidate)
        if work.dry_run:
            return decisions, puts, []
        # Sequences are given to what is kept alone, so that those of an origin have no gaps to remember.
        return decisions, puts, [Entry(one.key, one.value, self._append_id(work.partition)) for one in kept]

    def _insert(
        self, connection: sqlite3.Connection, partition: Partition, entries: Sequence[Entry], change: _Change
    ) -> None:
        rows = []
        for entry in entries:
            rows.append(
                (*partition, self._next_id, entry.key, entry.value, entry.append_id.origin, entry.append_id.sequence)
            )
            self._next_id += 1
            change.add(partition, _size(entry.key, entry.value))
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    # -- the file

    def _open(self) -> sqlite3.Connection:
        file.make(self._slot.path, _SCHEMA, _BUSY_TIMEOUT_MS, {})
        connection = file.connect(self._slot.path, _BUSY_TIMEOUT_MS)
        rows = connection.execute(
            "SELECT topic, partition, count(*), sum(length(key) + length(value)) FROM records GROUP BY 1, 2"
        ).fetchall()
        self._next_id = connection.execute("SELECT coalesce(max(id), -1) FROM records").fetchone()[0] + 1
        self._recount = {
            Partition(topic, number): _Backlog(records, size + records * _RECORD_OVERHEAD_BYTES)
            for topic, number, records, size in rows
        }
        self._connection = connection
        return connection

    def _take_recount(self) -> None:
        """Believe the file after it was opened anew: a commit that failed may have got in."""
        if self._recount is not None:
            self._backlog, self._recount = self._recount, None
            self._tell()

    def _connected(self) -> sqlite3.Connection:
        return self._connection if self._connection is not None else self._open()

    def _give_up(self) -> None:
        """Drop the connection: after a failed write or sync its state is not to be trusted."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    async def _call(self, work: Callable[[], _T]) -> _T:
        def run() -> _T:
            try:
                return work()
            except BaseException:
                self._give_up()
                raise

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, run)
        except (sqlite3.Error, OSError) as error:
            raise LogUnavailable(f"the local log cannot be used: {error}", _RETRY_AFTER_S) from error

    def _count(self, partition: Partition, records: int, size: int) -> None:
        backlog = self._backlog.setdefault(partition, _Backlog())
        backlog.records += records
        backlog.size += size
        self._tell()

    def _tell(self) -> None:
        metrics.gauge("clew_spill_records", self.records, slot=self._slot.number)
        metrics.gauge("clew_spill_bytes", self.size_bytes, slot=self._slot.number)


def _size(key: bytes, value: bytes) -> int:
    return len(key) + len(value) + _RECORD_OVERHEAD_BYTES


def _settle(future: "asyncio.Future[Any]", result: Any) -> None:
    """Tell a caller, unless it has given up."""
    if future.done():
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)
