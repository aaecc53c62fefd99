"""`clew backup`: a consistent snapshot of an installation, in a folder, while it keeps working.

First the finished passes are noted, then what ingest has committed; since a pass only knows of what was committed
before it, everything up to there fits together. Every table is then exported up to this cut. An embedded log is
copied after that, so that it holds every record that the cut does not.
"""

import asyncio
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from attribution.core.revisions import TABLES as PASS_TABLES
from eventlog.address import SqliteLog
from eventlog.sqlite.copy import copy_log, next_offset
from installation.engine import Engine
from installation.workers import CODE_VERSION
from operations.backup.manifest import (
    KEYS,
    LOG,
    PROGRAM,
    TABLES_FOLDER,
    BackupFile,
    Cut,
    CutPosition,
    Manifest,
    describe_file,
    write_manifest,
)
from runtime.user_error import WRONG_USE, UserError
from schemas.ddl import DATABASE
from schemas.tables import TABLES, Source, Table
from warehouse.port import Warehouse, rows_of

ProgressCallback = Callable[[str], None]
_NO_END = 2**64 - 1
_LEFT_OUT = frozenset({"intents"})
"""Unfinished work is not part of the snapshot."""


async def take_backup(engine: Engine, folder: Path, say: ProgressCallback = lambda _: None) -> Manifest:
    """Write a backup into a folder that is new or empty. Raises UserError, WarehouseError, LogUnavailable, OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; name a new directory", WRONG_USE)
    async with engine.workers.trimming:  # what the cut leaves out must still be there when the log is copied
        cut = await _take_cut(engine)
        migrations = rows_of(
            await asyncio.to_thread(engine.warehouse.query, f"SELECT name FROM {DATABASE}.migrations ORDER BY name")
        )
        tables = {}
        for table in TABLES:
            if table.name not in _LEFT_OUT:
                say(table.name)
                tables[table.name] = await asyncio.to_thread(_export, engine.warehouse, table, cut, folder)
        log: tuple[BackupFile, ...] = ()
        if isinstance(engine.place.log, SqliteLog):
            say("log")
            log = await asyncio.to_thread(_copy_log, engine, engine.place.log, folder)
    manifest = Manifest(
        backup_id=secrets.token_hex(16), taken_us=engine.clock.now_us(), code_version=CODE_VERSION,
        migrations=tuple(row["name"] for row in migrations), on_servers=engine.place.on_servers, cut=cut,
        tables=tables, log=log, others=_copy_others(engine, folder),
    )  # fmt: skip
    _sync(folder, manifest)
    write_manifest(folder, manifest)
    return manifest


async def _take_cut(engine: Engine) -> Cut:
    warehouse, observer = engine.warehouse, engine.observer
    passes = await asyncio.to_thread(
        warehouse.query, f"SELECT shard, max(pass_id) AS last FROM {DATABASE}.passes GROUP BY shard ORDER BY shard"
    )
    runs = await asyncio.to_thread(warehouse.query, f"SELECT DISTINCT run_id FROM {DATABASE}.runs ORDER BY run_id")
    positions = []
    for partition in await observer.partitions():
        position = await observer.committed(partition)
        offset, log_id = position.offset if position is not None else 0, await observer.log_id(partition)
        positions.append(CutPosition(*partition, log_id, offset, await observer.end(partition)))
    return Cut(
        tuple(positions),
        {row["shard"]: row["last"] for row in rows_of(passes)},
        tuple(row["run_id"] for row in rows_of(runs)),
        engine.progress.shards,
    )


def _export(warehouse: Warehouse, table: Table, cut: Cut, folder: Path) -> tuple[BackupFile, ...]:
    """The rows of a table before the cut: a file for each month where it is kept by month, else one."""
    where, parameters = rows_before(table, cut)
    to = folder / TABLES_FOLDER / table.name
    to.mkdir(parents=True)
    parts: list[Any] = [None]
    if table.partition_by:
        of = f"SELECT DISTINCT {table.partition_by} AS part FROM {DATABASE}.{table.name} WHERE {where} ORDER BY part"
        parts = warehouse.query(of, parameters).column(0).to_pylist()
    files = []
    for part in parts:
        path = to / f"{'all' if part is None else part}.parquet"
        only = "" if part is None else f" AND {table.partition_by} = {part}"
        warehouse.export(f"SELECT * FROM {DATABASE}.{table.name} WHERE {where}{only}", path, parameters)
        files.append(describe_file(folder, path, pq.ParquetFile(path).metadata.num_rows))
    return tuple(files)


def rows_before(table: Table, cut: Cut) -> tuple[str, dict[str, Any]]:
    """Return SQL that selects the rows of a table in the snapshot, and its parameters."""
    if table.name == "passes":
        return f"pass_id <= {_last_pass('shard', cut)}", {}
    if table.name == "runs":
        return "has({runs:Array(String)}, run_id)", {"runs": list(cut.runs)}
    if Source not in table.structs:
        return "1", {}
    if table.name in PASS_TABLES:
        finished = f"_source = 'attribution' AND _batch <= {_last_pass('_partition', cut)}"
        if table.name != "credits":
            return finished, {}
        return f"({finished}) OR has({{runs:Array(String)}}, run_id)", {"runs": list(cut.runs)}
    if not cut.positions:
        return "1", {}
    parameters: dict[str, Any] = {}
    for n, at in enumerate(cut.positions):
        parameters |= {f"log{n}": at.log_id, f"topic{n}": at.topic, f"number{n}": at.partition, f"end{n}": at.offset}
    count = range(len(cut.positions))
    places = ", ".join(f"cityHash64({{log{n}:String}}, {{topic{n}:String}}, {{number{n}:UInt32}})" for n in count)
    ends = ", ".join(f"{{end{n}:UInt64}}" for n in count)
    # Rows of logs that are gone are complete: there is no writer any more.
    end = f"transform(cityHash64(_log, _source, _partition), [{places}], [{ends}], toUInt64({_NO_END}))"
    return f"_offset < {end}", parameters


def _last_pass(shard: str, cut: Cut) -> str:
    """Return SQL for the last pass of a row's shard in the snapshot."""
    if not cut.passes:
        return "toUInt64(0)"
    shards = ", ".join(f"toUInt64({shard})" for shard in cut.passes)
    passes = ", ".join(f"toUInt64({last})" for last in cut.passes.values())
    return f"transform(toUInt64({shard}), [{shards}], [{passes}], toUInt64(0))"


def _copy_log(engine: Engine, log: SqliteLog, folder: Path) -> tuple[BackupFile, ...]:
    names = copy_log(log.folder, folder / LOG, engine.settings.eventlog.busy_timeout_ms)
    return tuple(describe_file(folder, folder / LOG / name, next_offset(folder / LOG / name)) for name in names)


def _copy_others(engine: Engine, folder: Path) -> tuple[BackupFile, ...]:
    """Copy token keys and the program file, readable by their owner only: both hold secrets."""
    data, files = engine.place.data, []
    keys = data.keys(engine.settings.keys) if data is not None else engine.settings.keys
    for name, source in ((KEYS, keys), (PROGRAM, data.program if data is not None else None)):
        if source is not None and source.is_file():
            path = folder / name
            path.touch(mode=0o600)
            shutil.copyfile(source, path)
            files.append(describe_file(folder, path))
    return tuple(files)


def _sync(folder: Path, manifest: Manifest) -> None:
    """Sync to disk, before the manifest is written."""
    for path in (*(folder / file.name for file in manifest.files()), *(p for p in folder.rglob("*") if p.is_dir())):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
