"""Deletes and doubles rows of an installation by hand and prints what the audit says to each, as JSON.

`python -m tests.faults.tamper DATA TABLE…`; every table is put back before the next one.
"""

import asyncio
import json
import sys
from pathlib import Path

from clew.requests.handlers import ask
from clew.requests.types import AuditRequest
from installation.address import address_in
from installation.directory import DataDir
from installation.engine import Engine, open_engine
from installation.program_file import load_program
from runtime.clock import SystemClock
from runtime.settings import load_settings


async def _failed(engine: Engine) -> list[str]:
    answer = await ask(engine, AuditRequest())
    return [check["name"] for check in answer["checks"] if not check["ok"]]


async def _tamper(engine: Engine, table: str, which: str, results: dict[str, list[str]]) -> None:
    execute = engine.warehouse.execute
    order = "ASC" if which == "first" else "DESC"
    key = f"(SELECT (_batch, _offset) FROM clew.{table} ORDER BY _batch {order}, _offset {order} LIMIT 1)"
    execute(f"DROP TABLE IF EXISTS clew.kept_{table}")
    execute(f"CREATE TABLE clew.kept_{table} ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM clew.{table}")
    execute(f"ALTER TABLE clew.{table} DELETE WHERE (_batch, _offset) = {key} SETTINGS mutations_sync = 2")
    results[f"{table} {which} deleted"] = await _failed(engine)
    again = f"INSERT INTO clew.{table} SELECT * FROM clew.kept_{table}"
    plain = "SETTINGS insert_deduplicate = 0"
    execute(f"TRUNCATE TABLE clew.{table}")
    execute(f"{again} {plain}")
    execute(f"{again} WHERE (_batch, _offset) = {key} {plain}")
    results[f"{table} {which} doubled"] = await _failed(engine)
    execute(f"TRUNCATE TABLE clew.{table}")
    execute(f"{again} {plain}")
    execute(f"DROP TABLE clew.kept_{table}")
    results[f"{table} restored"] = await _failed(engine)


async def main(data: Path, tables: list[str]) -> dict[str, list[str]]:
    directory = DataDir(data)
    program = load_program(directory.program)
    engine = await open_engine(address_in(directory), load_settings(), program, SystemClock(), ())
    try:
        results = {"untouched": await _failed(engine)}
        for table in tables:
            for which in ("first", "last"):
                await _tamper(engine, table, which, results)
    finally:
        await engine.close()
    return results


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))))
