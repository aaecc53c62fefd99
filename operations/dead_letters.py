"""Replay of records that could not be decoded: each is appended again once.

The dead letter stays where it is, since it stands for its offset; the record gets a new one. An embedded log claims a
key for each; on a log that is deduplicated on read, its append id
follows from the dead letter's position, so a second replay is dropped as a duplicate.
"""

from collections import Counter
from hashlib import blake2b
from typing import Any

import msgspec

from eventlog.address import LogAddress, SqliteLog
from eventlog.open import append_marked, open_producer
from eventlog.port import AppendId, Partition, Producer
from installation.engine import Engine
from runtime.clock import Clock
from runtime.settings import Settings
from schemas.ddl import DATABASE
from schemas.dedup.rules import Decision, GetState
from schemas.dedup.sequences import Repeats
from schemas.wire import UndecodableRecord, UnknownSchemaVersion, decode
from warehouse.port import Warehouse, rows_of

LISTED_MAX = 10_000


class DeadRecord(msgspec.Struct, frozen=True):
    """One dead letter: where it was, why, and its bytes."""

    log: str
    source: str
    partition: int
    offset: int
    error: str
    value: bytes
    replayed: bool = False
    """True if it is known to have been replayed; known only for logs that are deduplicated on read."""

    def append_id(self) -> AppendId:
        """Return the append id of its replay, which is always the same."""
        place = f"dead\0{self.log}\0{self.source}\0{self.partition}"
        return AppendId(blake2b(place.encode(), digest_size=16).digest(), self.offset, spilled=True)


_decoder = msgspec.msgpack.Decoder(DeadRecord)


def list_dead(engine: Engine) -> list[DeadRecord]:
    """Return dead letters ordered by log position, the first `LISTED_MAX`."""
    found = engine.warehouse.query(
        "SELECT _log AS log, _source AS source, _partition AS partition, _offset AS offset, error, hex(value) AS value "
        f"FROM {DATABASE}.dead_letters ORDER BY log, source, partition, offset LIMIT {{most:UInt32}}",
        {"most": LISTED_MAX},
    )
    letters = [msgspec.convert({**row, "value": bytes.fromhex(row["value"])}, DeadRecord) for row in rows_of(found)]
    return with_replayed(engine.warehouse, letters)


def with_replayed(warehouse: Warehouse, letters: list[DeadRecord]) -> list[DeadRecord]:
    """Mark the letters that were replayed: their append ids are among the stored appends."""
    origins = sorted({letter.append_id().origin.hex() for letter in letters})
    found = warehouse.query(
        f"SELECT origin, first, last FROM {DATABASE}.origins WHERE has(splitByChar(',', {{origins:String}}), "
        "lower(hex(origin)))",
        {"origins": ",".join(origins)},
    )
    seen = Repeats(zip(*(column.to_pylist() for column in found.columns), strict=True))
    return [
        msgspec.structs.replace(letter, replayed=letter.append_id().sequence in seen.of(letter.append_id().origin))
        for letter in letters
    ]


def describe(record: DeadRecord) -> dict[str, Any]:
    """Return the fields that `--json` prints."""
    return {**msgspec.structs.asdict(record), "value": record.value.hex(), "decodes_now": decodes(record.value)}


def decodes(value: bytes) -> bool:
    """Return whether this version can decode the record."""
    try:
        decode(value)
    except (UndecodableRecord, UnknownSchemaVersion):
        return False
    return True


def _rule(get: GetState, value: bytes) -> Decision:
    """Claim a key for the dead letter's position: a second replay is a duplicate."""
    dead = _decoder.decode(value)
    place = f"dead\0{dead.log}\0{dead.source}\0{dead.partition}\0{dead.offset}"
    key = blake2b(place.encode(), digest_size=16).digest()
    if get(key) is not None:
        return Decision("duplicate")
    return Decision("accepted", dead.value, {key: b"replayed"})


async def replay_dead(log: LogAddress, records: list[DeadRecord], settings: Settings, clock: Clock) -> Counter[str]:
    """Append what decodes now, each once ever: counts of `replayed`, `replayed before` and `still undecodable`.

    Raises LogUnavailable; what was appended until then stays so, and the next run leaves it out.
    """
    readable = [record for record in records if decodes(record.value)]
    counts = Counter({"still undecodable": len(records) - len(readable)})
    if isinstance(log, SqliteLog):
        counts += await _replay_claimed(await open_producer(log, settings, clock, dedup_rule=_rule), readable)
        return +counts
    new = [record for record in readable if not record.replayed]
    # To the partition that it came from: only there its append id tells a second replay, of which this may be one.
    sent = [(Partition(record.source, record.partition), record.value, record.append_id()) for record in new]
    await append_marked(log, sent, settings, clock)
    return +(counts + Counter({"replayed": len(new), "replayed before": len(readable) - len(new)}))


async def _replay_claimed(producer: Producer, records: list[DeadRecord]) -> Counter[str]:
    counts: Counter[str] = Counter()
    try:
        for record in records:
            [result] = await producer.decide(record.source, [msgspec.msgpack.encode(record)], keys=[b""])
            counts["replayed" if result.decision.verdict == "accepted" else "replayed before"] += 1
    finally:
        await producer.close()
    return counts
