"""Records that could not be decoded, once more: appended again under a key of their own, so that each comes back once.

The dead letter stays where it is, since it stands for its offset; the record gets a new one.
"""

from collections import Counter
from hashlib import blake2b
from typing import Any

import msgspec

from clew.engine import Engine
from eventlog.address import LogAddress
from eventlog.open import open_producer
from runtime.clock import Clock
from runtime.settings import Settings
from schemas.claims import GetState, Ruling
from schemas.ddl import DATABASE
from schemas.wire import UndecodableRecord, UnknownSchemaVersion, decode
from warehouse.port import rows_of

LISTED_MAX = 10_000


class DeadRecord(msgspec.Struct, frozen=True):
    """One dead letter: where it was, why, and its bytes."""

    log: str
    source: str
    partition: int
    offset: int
    error: str
    value: bytes


_decoder = msgspec.msgpack.Decoder(DeadRecord)


def list_dead(engine: Engine) -> list[DeadRecord]:
    """Dead letters by place, the first `LISTED_MAX`."""
    found = engine.warehouse.query(
        "SELECT _log AS log, _source AS source, _partition AS partition, _offset AS offset, error, hex(value) AS value "
        f"FROM {DATABASE}.dead_letters ORDER BY log, source, partition, offset LIMIT {{most:UInt32}}",
        {"most": LISTED_MAX},
    )
    return [msgspec.convert({**row, "value": bytes.fromhex(row["value"])}, DeadRecord) for row in rows_of(found)]


def describe(record: DeadRecord) -> dict[str, Any]:
    """What `--json` prints of one."""
    return {**msgspec.structs.asdict(record), "value": record.value.hex(), "decodes_now": decodes(record.value)}


def decodes(value: bytes) -> bool:
    """Whether this version can read the bytes."""
    try:
        decode(value)
    except (UndecodableRecord, UnknownSchemaVersion):
        return False
    return True


def _rule(get: GetState, value: bytes) -> Ruling:
    """Claim the place of the dead letter: a second replay of it is a duplicate."""
    dead = _decoder.decode(value)
    place = f"dead\0{dead.log}\0{dead.source}\0{dead.partition}\0{dead.offset}"
    key = blake2b(place.encode(), digest_size=16).digest()
    if get(key) is not None:
        return Ruling("duplicate")
    return Ruling("accepted", dead.value, {key: b"replayed"})


async def replay_dead(log: LogAddress, records: list[DeadRecord], settings: Settings, clock: Clock) -> Counter[str]:
    """Append what decodes now, each once ever: counts of `replayed`, `replayed before` and `still undecodable`."""
    counts: Counter[str] = Counter()
    producer = await open_producer(log, settings, clock, ruled_by=_rule)
    try:
        for record in records:
            if not decodes(record.value):
                counts["still undecodable"] += 1
                continue
            [ruled] = await producer.decide(record.source, [msgspec.msgpack.encode(record)], keys=[b""])
            counts["replayed" if ruled.ruling.verdict == "accepted" else "replayed before"] += 1
    finally:
        await producer.close()
    return counts
