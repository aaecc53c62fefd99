"""Calls that wait for one partition, and the batches that they fill. Holds no connection."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from eventlog.kafka.record_ids import HEADER, encode_append_id
from eventlog.port import AppendId, LogUnavailable


class Entry(NamedTuple):
    """One record to append, with the id of its append."""

    key: bytes
    value: bytes
    append_id: AppendId


class Call:
    """Entries of one caller, and the future that it awaits."""

    __slots__ = ("entries", "future", "offsets", "size")

    def __init__(self, entries: Sequence[Entry], size: int, future: asyncio.Future[Sequence[int]]) -> None:
        self.entries, self.size, self.future = entries, size, future
        self.offsets: list[int] = []
        """Offsets of the entries that are durable already: a call may be larger than a batch."""


class Lane:
    """One partition: calls that wait, in order, and the task that sends them."""

    __slots__ = ("task", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[Call, None] = {}
        self.task: asyncio.Task[None] | None = None

    def take(self, bytes_max: int) -> list[Call]:
        """Remove and return the calls of the next batch: at least one, so an oversized call is sent alone."""
        calls: list[Call] = []
        size = 0
        for call in self.waiting:
            size += call.size
            if calls and size > bytes_max:
                break
            calls.append(call)
        for call in calls:
            del self.waiting[call]
        return calls


def fill_batch(batch: Any, calls: Iterable[Call], now_ms: int) -> list[tuple[Call, int]]:
    """Append entries to the client library's batch until it is full; return how many of each call fitted."""
    filled = []
    for call in calls:
        entries = call.entries[len(call.offsets) :] if call.offsets else call.entries
        fitted = 0
        for entry in entries:
            headers = [(HEADER, encode_append_id(entry.append_id))]
            if batch.append(timestamp=now_ms, key=entry.key, value=entry.value, headers=headers) is None:
                break
            fitted += 1
        filled.append((call, fitted))
        if fitted < len(entries):
            break
    return filled


def confirm(filled: Iterable[tuple[Call, int]], offset: int) -> None:
    """Give offsets from `offset` on to the entries of a stored batch; answer the calls that are complete."""
    for call, fitted in filled:
        call.offsets.extend(range(offset, offset + fitted))
        offset += fitted
        if len(call.offsets) == len(call.entries) and not call.future.done():
            call.future.set_result(call.offsets)


def fail(calls: Iterable[Call], error: LogUnavailable) -> None:
    """Raise an equal error in every caller that still waits."""
    for call in calls:
        if not call.future.done():
            call.future.set_exception(LogUnavailable(str(error), error.retry_after_s))
