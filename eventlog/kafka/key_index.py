"""Key index of an edge for a topic that is deduplicated on read: states of keys, and the records seen so far.

One SQLite file of this process. Every fold is one transaction of states, sequences seen and position, so the file
always matches the log up to its position, and a lost or old one is rebuilt by folding from there. After a power
failure it may be behind (synchronous=NORMAL): it is only an index, and the log has every record.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from eventlog.port import DedupRule, Partition, Record, StoredClaims
from eventlog.sqlite import file
from runtime.logs import Throttled, logger
from schemas.dedup.rules import Decision, GetState
from schemas.dedup.sequences import Ranges
from schemas.wire import UndecodableRecord

_log = Throttled(logger("eventlog"))
_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    partition INTEGER NOT NULL, key BLOB NOT NULL, state BLOB NOT NULL, PRIMARY KEY (partition, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS origins (
    partition INTEGER NOT NULL, origin BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (partition, origin, first)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (
    partition INTEGER PRIMARY KEY, log_id TEXT NOT NULL, offset INTEGER NOT NULL
) WITHOUT ROWID;
"""
_BUSY_TIMEOUT_MS = 5_000
_LOAD_ROWS = 10_000
"""Rows of one transaction while an index is built from the warehouse."""


class Folded(NamedTuple):
    """Decision of the log on one record of this process."""

    sequence: int
    offset: int
    decision: Decision | Exception
    """The error of the rule if it failed; it fails for every reader."""


class KeyIndex:
    """The file of one topic. One thread at a time; `reader` gives a second one."""

    def __init__(self, path: Path, rule: DedupRule) -> None:
        """Raises sqlite3.Error, OSError."""
        self._path, self._rule = path, rule
        try:
            self._connection = _open(path)
        except sqlite3.DatabaseError as error:
            _log.error("key_index_unreadable", file=path.name, error=str(error))
            path.rename(path.with_suffix(".broken"))
            self._connection = _open(path)

    def reader(self) -> Callable[[Partition, bytes], bytes | None]:
        """Return a reader of the states as of the last fold, for another thread."""
        connection = file.connect(self._path, _BUSY_TIMEOUT_MS)
        return lambda partition, key: _state(connection, partition, key)

    def position(self, partition: Partition, log_id: str) -> int | None:
        """Return the offset up to which, exclusive, this log is folded; None if that is unknown."""
        row = self._connection.execute(
            "SELECT offset FROM positions WHERE partition = ? AND log_id = ?", (partition.partition, log_id)
        ).fetchone()
        return None if row is None else int(row[0])

    def begin_at(self, partition: Partition, log_id: str, offset: int) -> None:
        """Fold from an offset on. What is known of keys stays, so a topic that is remade forgets none.

        Which records came before is a matter of one log: of another one nothing is known.
        """
        with self._transaction():
            if self.position(partition, log_id) is None:
                self._connection.execute("DELETE FROM origins WHERE partition = ?", (partition.partition,))
            self._put_position(partition, log_id, offset)

    def load(self, partition: Partition, log_id: str, stored: StoredClaims) -> int:
        """Load the state of the warehouse; return its offset. A crash in between starts from the beginning."""
        with self._transaction():
            self._connection.execute("DELETE FROM positions WHERE partition = ?", (partition.partition,))
        offset = stored.position(partition, log_id)
        for states in _chunks(stored.states(partition, log_id, offset)):
            with self._transaction():
                rows = [(partition.partition, key, state) for key, state in states]
                self._connection.executemany("INSERT OR REPLACE INTO keys VALUES (?, ?, ?)", rows)
        ranges: dict[bytes, Ranges] = {}
        for origin, first, last in sorted(stored.origins(partition, log_id, offset)):
            ranges.setdefault(origin, Ranges()).cover(first, last)
        with self._transaction():
            self._connection.execute("DELETE FROM origins WHERE partition = ?", (partition.partition,))
            self._put_ranges(partition, ranges)
            self._put_position(partition, log_id, offset)
        return offset

    def fold(self, partition: Partition, log_id: str, records: Sequence[Record], mine: bytes) -> list[Folded]:
        """Decide the next records of the log; what became of those of origin `mine`.

        Raises UnknownSchemaVersion: no record from there on can be decided before an upgrade.
        """
        ranges: dict[bytes, Ranges] = {}
        puts: dict[bytes, bytes] = {}
        folded, get = [], self._over(partition, puts)
        with self._transaction():
            for record in records:
                if not self._is_new(partition, record, ranges):
                    continue
                decision = self._decision(get, record)
                if isinstance(decision, Decision):
                    puts |= decision.puts
                if record.append_id is not None and record.append_id.origin == mine:
                    folded.append(Folded(record.append_id.sequence, record.offset, decision))
            rows = [(partition.partition, key, state) for key, state in puts.items()]
            self._connection.executemany("INSERT OR REPLACE INTO keys VALUES (?, ?, ?)", rows)
            self._put_ranges(partition, ranges)
            self._put_position(partition, log_id, records[-1].offset + 1)
        return folded

    def try_out(self, partition: Partition, values: Sequence[bytes]) -> list[Decision]:
        """Return the decisions that new records would get, in order; store nothing."""
        puts: dict[bytes, bytes] = {}
        decisions, get = [], self._over(partition, puts)
        for value in values:
            decisions.append(self._rule(get, value))
            puts |= decisions[-1].puts
        return decisions

    def close(self) -> None:
        self._connection.close()

    def _over(self, partition: Partition, puts: dict[bytes, bytes]) -> GetState:
        """States as of the last fold, under those that were put since."""
        return lambda key: puts[key] if key in puts else _state(self._connection, partition, key)

    def _decision(self, get: GetState, record: Record) -> Decision | Exception:
        try:
            return self._rule(get, record.value)
        except (UndecodableRecord, TypeError) as error:  # a dead letter for ingest, nothing for keys
            return error

    def _is_new(self, partition: Partition, record: Record, ranges: dict[bytes, Ranges]) -> bool:
        """Return whether the record is new; the ranges of its origin are read once."""
        if record.append_id is None:
            return True
        origin = record.append_id.origin
        if origin not in ranges:
            seen = ranges[origin] = Ranges()
            rows = self._connection.execute(
                "SELECT first, last FROM origins WHERE partition = ? AND origin = ? ORDER BY first",
                (partition.partition, origin),
            )
            for first, last in rows:
                seen.cover(first, last)
        return ranges[origin].add(record.append_id.sequence)

    def _put_ranges(self, partition: Partition, ranges: dict[bytes, Ranges]) -> None:
        number = partition.partition
        self._connection.executemany(
            "DELETE FROM origins WHERE partition = ? AND origin = ?", [(number, origin) for origin in ranges]
        )
        rows = [(number, origin, first, last) for origin, seen in ranges.items() for first, last in seen]
        self._connection.executemany("INSERT INTO origins VALUES (?, ?, ?, ?)", rows)

    def _put_position(self, partition: Partition, log_id: str, offset: int) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (partition.partition, log_id, offset)
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _open(path: Path) -> sqlite3.Connection:
    file.make(path, _SCHEMA, _BUSY_TIMEOUT_MS, {})
    connection = file.connect(path, _BUSY_TIMEOUT_MS)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("SELECT count(*) FROM positions").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _state(connection: sqlite3.Connection, partition: Partition, key: bytes) -> bytes | None:
    row = connection.execute(
        "SELECT state FROM keys WHERE partition = ? AND key = ?", (partition.partition, key)
    ).fetchone()
    return None if row is None else bytes(row[0])


def _chunks(rows: Iterable[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    rows = iter(rows)
    while chunk := list(islice(rows, _LOAD_ROWS)):
        yield chunk
