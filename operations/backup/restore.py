"""`clew restore`: an empty installation becomes what a backup shows, on the engine that it came from or on another.

Tables are the same everywhere. Where the log of the backup is still there (a copy of an embedded one, or Kafka's
topics), what came after the moment of the backup is read again from there; where it is not, it is gone, and the
answer says how much.
"""

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from attribution.live.lease import GROUP as ATTRIBUTION_GROUP
from attribution.live.lease import SHARDS
from eventlog.address import KafkaLog, SqliteLog
from eventlog.open import open_consumer, open_shards
from eventlog.port import Consumer, Partition, Position
from eventlog.sqlite.copy import bring_back_log, keys_of
from ingest.loop import GROUP
from ingest.writer import blocks_of
from installation.address import InstallationAddress
from installation.catch_up import catch_up
from installation.engine import Engine, open_engine
from installation.migrate import prepare
from installation.program_file import load_rules
from operations.audit.run import AUDIT_SETTLE_TIMEOUT_S, run_audit
from operations.backup.manifest import KEYS, LOG, PROGRAM, BackupFile, Cut, Manifest, check_files, read_manifest
from runtime.clock import Clock
from runtime.files import write_private
from runtime.settings import Settings
from runtime.user_error import NO, UNREACHABLE, WRONG_USE, UserError
from schemas.columns import arrow_schema, to_arrow
from schemas.ddl import DATABASE, table_names
from schemas.tables import Claim, Source
from warehouse.parquet import ROW_GROUP_ROWS
from warehouse.port import Warehouse, scalar_of

ProgressCallback = Callable[[str], None]
_JOIN_TIMEOUT_S = 60.0


class Restored(NamedTuple):
    """Result of a restore. `lost` counts records that the log had after the snapshot and that are gone."""

    rows: dict[str, int]
    lost: int


def check_target(place: InstallationAddress, settings: Settings, folder: Path, manifest: Manifest) -> None:
    """Raise UserError if the backup cannot be restored here."""
    if place.on_servers and manifest.cut.passes and manifest.cut.shards != settings.kafka.shards:
        raise UserError(
            f"the backup has {manifest.cut.shards} shards of attribution: set CLEW_KAFKA__SHARDS={manifest.cut.shards} "
            "here, and name a topic_prefix whose topics are not made yet"
        )
    if manifest.on_servers and not place.on_servers:
        raise UserError("a backup of servers goes to servers: one machine keeps dedupe keys in its log", WRONG_USE)
    for name, target in _targets(place, settings, manifest).items():
        if target.exists() and target.read_bytes() != (folder / name).read_bytes():
            raise UserError(f"{target} is there already, and the backup has another {name}; move it away first")


async def restore_tables(engine: Engine, folder: Path, manifest: Manifest, say: ProgressCallback) -> Restored:
    """Fill an installation whose tables are empty. Raises UserError, WarehouseError, LogUnavailable."""
    warehouse, place = engine.warehouse, engine.place
    await asyncio.to_thread(_check_empty, warehouse)
    for table, files in manifest.tables.items():
        for file in files:
            say(f"bringing back {file.name}")
            await asyncio.to_thread(_fill, warehouse, table, folder, file, manifest.backup_id)
    rows = {table: await asyncio.to_thread(_count, warehouse, table) for table in manifest.tables}
    wrong = [
        f"{table} has {n} rows of {manifest.rows(table)}" for table, n in rows.items() if n != manifest.rows(table)
    ]
    if wrong:
        raise UserError(f"not everything is there: {'; '.join(wrong)}; drop the database and restore again", NO)
    say("setting positions")
    if isinstance(place.log, SqliteLog):
        await asyncio.to_thread(bring_back_log, folder / LOG, place.log.folder)
        there = await _set_positions(engine.observer, manifest.cut)
    elif manifest.on_servers:
        there = await _reset_groups(engine, place.log, manifest.cut)
    else:
        await asyncio.to_thread(_claim_keys, warehouse, folder, manifest)
        there = {}
    lost = sum(max(0, there.get(at.log_id, at.end) - at.offset) for at in manifest.cut.positions)
    return Restored(rows, lost)


def restore_files(place: InstallationAddress, settings: Settings, folder: Path, manifest: Manifest) -> None:
    """Restore token keys, and the program file of one machine. Raises OSError."""
    for name, target in _targets(place, settings, manifest).items():
        if not target.exists():
            write_private(target, (folder / name).read_bytes())


def _targets(place: InstallationAddress, settings: Settings, manifest: Manifest) -> dict[str, Path]:
    """Return the targets of the files other than tables and log."""
    data, targets = place.data, dict[str, Path]()
    keys = data.keys(settings.keys) if data is not None else settings.keys
    if keys is not None:
        targets[KEYS] = keys
    if data is not None and not place.on_servers:
        targets[PROGRAM] = data.program
    return {name: target for name, target in targets.items() if any(file.name == name for file in manifest.others)}


# ------------------------------------------------------------------------------------------------------- tables


def _check_empty(warehouse: Warehouse) -> None:
    for table in table_names():
        if _count(warehouse, table):
            raise UserError(f"{table} has rows; restore into an empty installation", WRONG_USE)


def _count(warehouse: Warehouse, table: str) -> int:
    return int(scalar_of(warehouse.query(f"SELECT count() AS n FROM {DATABASE}.{table}")))


def _fill(warehouse: Warehouse, table: str, folder: Path, file: BackupFile, backup_id: str) -> None:
    for number, rows in enumerate(_row_groups(folder / file.name, table)):
        for block, part in enumerate(blocks_of(table, rows)):
            warehouse.insert(table, part, f"restore:{backup_id}:{file.name}:{number}:{block}")


def _row_groups(path: Path, table: str) -> Iterator[pa.Table]:
    """Rows in bounded parts; columns that came with a later migration are left to their defaults."""
    reader = pq.ParquetFile(path)
    wanted = arrow_schema(table)
    schema = pa.schema([field for field in wanted if field.name in reader.schema_arrow.names])
    for batch in reader.iter_batches(ROW_GROUP_ROWS, columns=schema.names):
        yield pa.Table.from_batches([batch]).select(schema.names).cast(schema)


def _claim_keys(warehouse: Warehouse, folder: Path, manifest: Manifest) -> None:
    """Dedupe keys of one machine, which keeps them in its log, become claims, as readers on servers look them up."""
    logs = {(at.topic, at.partition): at for at in manifest.cut.positions}
    for file in manifest.log:
        topic, _, number = Path(file.name).stem.rpartition("-")
        at, keys = logs[topic, int(number)], enumerate(keys_of(folder / file.name))
        while part := list(islice(keys, ROW_GROUP_ROWS)):
            rows = [
                (Claim(key, state, ts_us), Source(at.log_id, topic, at.partition, place, 0))
                for place, (key, state, ts_us) in part
            ]
            token = f"restore:{manifest.backup_id}:{file.name}:{part[0][0]}"
            warehouse.insert("claims", to_arrow("claims", rows), token)


# ---------------------------------------------------------------------------------------------------- positions


async def _set_positions(consumer: Consumer, cut: Cut) -> dict[str, int]:
    """Commit the cut of every log that is still there; the first offset that each still has."""
    cuts = {(Partition(at.topic, at.partition), at.log_id): at.offset for at in cut.positions}
    there = {}
    for partition in await consumer.partitions():
        log_id = await consumer.log_id(partition)
        offset = cuts.get((partition, log_id))
        if offset is not None:
            await consumer.committed(partition)
            await consumer.commit(partition, Position(offset))
            there[log_id] = await consumer.begin(partition)
    return there


async def _reset_groups(engine: Engine, log: KafkaLog, cut: Cut) -> dict[str, int]:
    """Set the groups of ingest and of attribution back to the cut, while no station is a member."""
    settings, clock = engine.settings, engine.clock
    everything = set(await engine.observer.partitions())
    member = open_consumer(log, GROUP, settings, clock)
    try:
        await _own(member, everything, engine)
        there = await _set_positions(member, cut)
    finally:
        await member.close()
    shards = open_shards(log, ATTRIBUTION_GROUP, settings, clock)
    try:
        await _own(shards, {Partition(SHARDS, n) for n in range(engine.progress.shards)}, engine)
        for partition in await shards.partitions():
            if await shards.committed(partition) is not None:
                await shards.commit(partition, Position(cut.passes.get(partition.partition, 0)))
    finally:
        await shards.close()
    return there


async def _own(consumer: Consumer, everything: set[Partition], engine: Engine) -> None:
    deadline_s = engine.clock.monotonic_s() + _JOIN_TIMEOUT_S
    while set(await consumer.partitions()) != everything:
        if engine.clock.monotonic_s() > deadline_s:
            raise UserError("a station runs on this log; stop ingest and attribution, then restore again", UNREACHABLE)
        await asyncio.sleep(0.2)


def open_backup(folder: Path) -> Manifest:
    """Read and verify a backup. Raises UserError."""
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    return manifest


async def run_restore(
    place: InstallationAddress,
    settings: Settings,
    clock: Clock,
    folder: Path,
    manifest: Manifest,
    say: ProgressCallback,
) -> dict[str, Any]:
    """Restore, replay the log since the backup if it exists, then audit."""
    await prepare(place, settings)
    engine = await open_engine(place, settings, None, clock, ())
    try:
        restored = await restore_tables(engine, folder, manifest, say)
    finally:
        await engine.close()
    restore_files(place, settings, folder, manifest)
    say("reading what came after the backup")
    program = load_rules(copy) if (copy := place.program_copy()) is not None else None
    engine = await open_engine(place, settings, program, clock)
    try:
        if manifest.rows("programs"):
            await engine.recover()
            await catch_up(engine)
        say("auditing")
        checks = await run_audit(engine, running=False, timeout_s=AUDIT_SETTLE_TIMEOUT_S)
    finally:
        await engine.close()
    audit = {"ok": all(check.ok for check in checks), "checks": [check.to_json() for check in checks]}
    return {"ok": audit["ok"], "rows": restored.rows, "lost": restored.lost, "audit": audit}
