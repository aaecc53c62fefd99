"""The SQLite file of a spill: its table of records, in order per partition, and the states of keys claimed here.

As durable as the embedded log (WAL, synchronous=FULL). All methods run in the spill's thread.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from eventlog.kafka.append_batch import Entry
from eventlog.port import AppendId, DedupRule, Partition
from eventlog.sqlite import file
from schemas.dedup.rules import Decision

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
_BUSY_TIMEOUT_MS = 1_000

Known = Callable[[Partition, bytes], bytes | None]
"""Returns the state of a key as far as this process has read the log."""

GiveAppendId = Callable[[Partition], AppendId]


class Candidate(NamedTuple):
    """A record that claims keys. It gets an append id only if it is kept."""

    key: bytes
    value: bytes


@dataclass(slots=True)
class SpillWork:
    """Records of one caller: entries to keep as they are, or candidates to decide on."""

    partition: Partition
    size: int
    entries: Sequence[Entry] = ()
    candidates: Sequence[Candidate] = ()
    dry_run: bool = False

    @property
    def rows(self) -> int:
        """Upper bound of the records that it adds."""
        return 0 if self.dry_run else len(self.entries) + len(self.candidates)


@dataclass(slots=True)
class Backlog:
    """Number and bytes of the records of a partition."""

    records: int = 0
    size: int = 0


@dataclass(slots=True)
class Change:
    """Records added by a transaction, by partition; they count once it is committed."""

    added: dict[Partition, Backlog] = field(default_factory=dict)

    def add(self, partition: Partition, size: int) -> None:
        backlog = self.added.setdefault(partition, Backlog())
        backlog.records += 1
        backlog.size += size


class SpillFile:
    """Reads and writes one file. After an error, call `disconnect`: the next call opens the file again."""

    def __init__(self, path: Path, rule: DedupRule, known: Known, append_id: GiveAppendId) -> None:
        """Open the file. Raises sqlite3.Error, OSError."""
        self._path, self._rule, self._known, self._append_id = path, rule, known, append_id
        self._connection: sqlite3.Connection | None = None
        self._next_id = 0
        self._recount: dict[Partition, Backlog] | None = None
        self._open()

    def commit(self, group: Sequence[SpillWork]) -> tuple[list[Any], Change]:
        """Store the work of several callers in one transaction; return a result or an error for each of them."""
        connection, change = self._connected(), Change()
        results: list[Any] = []
        connection.execute("BEGIN IMMEDIATE")
        for work in group:
            if not work.rows and not work.dry_run:  # a probe: the disk must accept a write
                connection.execute("PRAGMA user_version = 1")
            self._insert(connection, work.partition, work.entries, change)
            if not work.candidates:
                results.append(None)
                continue
            try:
                decisions, puts, entries = self._decide(connection, work)
            except (sqlite3.Error, OSError):
                raise
            except Exception as error:  # noqa: BLE001 - a bad record fails its own caller, not the others
                results.append(error)
                continue
            results.append(decisions)
            if not work.dry_run:
                claims = [(work.partition.partition, key, state) for key, state in puts.items()]
                connection.executemany("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", claims)
                self._insert(connection, work.partition, entries, change)
        connection.execute("COMMIT")
        return results, change

    def read(self, partition: Partition, rows_max: int, bytes_max: int) -> tuple[list[Entry], int]:
        """Return the oldest records of a partition, at least one if there is one, and the id of the last."""
        cursor = self._connected().execute(
            "SELECT id, key, value, origin, sequence FROM records WHERE topic = ? AND partition = ? "
            "ORDER BY id LIMIT ?", (*partition, rows_max),
        )  # fmt: skip
        entries: list[Entry] = []
        size, last = 0, -1
        for record_id, key, value, origin, sequence in cursor:
            size += size_of(key, value)
            if entries and size > bytes_max:
                break
            entries.append(Entry(key, value, AppendId(origin, sequence, spilled=True)))
            last = record_id
        cursor.close()
        return entries, last

    def delete(self, partition: Partition, last: int) -> None:
        """Delete a partition's records up to the id `last`."""
        connection = self._connected()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM records WHERE topic = ? AND partition = ? AND id <= ?", (*partition, last))
        left = connection.execute("SELECT 1 FROM records WHERE topic = ? AND partition = ? LIMIT 1", partition)
        if left.fetchone() is None:  # every key that was claimed here is in the log now
            connection.execute("DELETE FROM claims WHERE partition = ?", (partition.partition,))
        connection.execute("COMMIT")

    def take_recount(self) -> dict[Partition, Backlog] | None:
        """Return the backlog as counted when the file was last opened, once; None if it was not opened since."""
        recount = self._recount
        if recount is not None:  # without the check, one that the thread sets now could be lost
            self._recount = None
        return recount

    def disconnect(self) -> None:
        """Drop the connection: after a failed write or sync its state cannot be trusted."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _decide(
        self, connection: sqlite3.Connection, work: SpillWork
    ) -> tuple[list[Decision], dict[bytes, bytes], list[Entry]]:
        """Decide on one caller's candidates; return the decisions, the states they put and the entries to keep."""
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
        # Only kept records use up sequence numbers, so that those of an origin have no gaps to remember.
        return decisions, puts, [Entry(one.key, one.value, self._append_id(work.partition)) for one in kept]

    def _insert(
        self, connection: sqlite3.Connection, partition: Partition, entries: Sequence[Entry], change: Change
    ) -> None:
        rows = []
        for entry in entries:
            origin, sequence, _ = entry.append_id
            rows.append((*partition, self._next_id, entry.key, entry.value, origin, sequence))
            self._next_id += 1
            change.add(partition, size_of(entry.key, entry.value))
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _open(self) -> sqlite3.Connection:
        file.make(self._path, _SCHEMA, _BUSY_TIMEOUT_MS, {})
        connection = file.connect(self._path, _BUSY_TIMEOUT_MS)
        rows = connection.execute(
            "SELECT topic, partition, count(*), sum(length(key) + length(value)) FROM records GROUP BY 1, 2"
        ).fetchall()
        self._next_id = connection.execute("SELECT coalesce(max(id), -1) FROM records").fetchone()[0] + 1
        self._recount = {
            Partition(topic, number): Backlog(records, size + records * _RECORD_OVERHEAD_BYTES)
            for topic, number, records, size in rows
        }
        self._connection = connection
        return connection

    def _connected(self) -> sqlite3.Connection:
        return self._connection if self._connection is not None else self._open()


def size_of(key: bytes, value: bytes) -> int:
    """Return the bytes that a record counts towards the bound of the file."""
    return len(key) + len(value) + _RECORD_OVERHEAD_BYTES
