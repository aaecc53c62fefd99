"""Every question that needs the warehouse: the same function answers beside a running engine and from a stopped one.

Each takes the engine and plain parameters, and returns what `--json` prints.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from clew.requests import run_handlers
from eventlog.port import LogUnavailable
from installation.address import InstallationAddress
from installation.engine import ALL_WORKERS, Engine, Worker
from operations.audit.run import AUDIT_SETTLE_TIMEOUT_S, run_audit
from operations.backup.take import take_backup
from operations.dead_letters import describe, list_dead
from operations.repair.run import run_repair
from reporting.explain import explain
from reporting.kpi import kpi_report
from reporting.problems import list_problems
from reporting.rejected import rejected_report
from reporting.sql.guard import SqlRefused
from reporting.sql.run import run_sql
from reporting.time_range import BadRange, range_us
from runtime.user_error import NO, UNREACHABLE, UserError, first_line
from schemas.ddl import ANALYST
from warehouse.port import WarehouseError, rows_of

Parameters = dict[str, Any]
Answer = dict[str, Any]
_T = TypeVar("_T")


async def _read(engine: Engine, work: Callable[..., _T], *arguments: Any) -> _T:
    """Run a query in a thread; a few at once, so that ingest and attribution always find a free connection."""
    async with engine.reading:
        return await asyncio.to_thread(work, *arguments)


_DEFAULT_BY = {"kpi": "partner,offer", "rejected": "reason"}


async def _report(engine: Engine, p: Parameters) -> Answer:
    reports = {"kpi": kpi_report, "rejected": rejected_report}
    make = reports.get(p["name"])
    if make is None:
        raise UserError(f"there is no report {p['name']!r}; there are {', '.join(reports)}")
    rules = engine.program.rules
    by = [name.strip() for name in (p.get("by") or _DEFAULT_BY[p["name"]]).split(",") if name.strip()]
    try:
        from_us, to_us = range_us(p.get("from"), p.get("to"), rules.timezone)
        report = await _read(engine, make, engine.warehouse, rules, by, from_us, to_us)
    except (BadRange, ValueError) as error:
        raise UserError(str(error)) from None
    return report.to_json()


async def _explain(engine: Engine, p: Parameters) -> Answer:
    conversion_id = _conversion_id(p)
    explanation = await _read(engine, explain, engine.warehouse, conversion_id)
    if explanation is None:
        raise UserError(f"there is no conversion {conversion_id} in the warehouse", NO)
    return explanation.to_json()


async def _conversion(engine: Engine, p: Parameters) -> Answer:
    conversion_id = _conversion_id(p)
    found = await _read(
        engine,
        engine.warehouse.query,
        f"SELECT * FROM {ANALYST}.conversions WHERE conversion_id = {{id:String}}",
        {"id": conversion_id},
    )
    rows = rows_of(found)
    if not rows:
        raise UserError(f"there is no conversion {conversion_id} in the warehouse", NO)
    public = {name: value for name, value in rows[0].items() if not name.startswith("_")}
    return {name: _plain(value) for name, value in public.items()}


def _plain(value: Any) -> Any:
    """Dates as RFC 3339, decimals as text, maps as objects."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, list):
        return dict(value)
    return value if isinstance(value, str | int) else str(value)


def _conversion_id(p: Parameters) -> str:
    text = str(p["conversion_id"]).lower()
    if len(text) != 32 or any(c not in "0123456789abcdef" for c in text):
        raise UserError(f"{text[:64]!r} is no conversion id: it has 32 hex digits")
    return text


async def _problems(engine: Engine, p: Parameters) -> Answer:
    rows = await _read(engine, list_problems, engine.warehouse)
    return {"problems": rows}


async def _sql(engine: Engine, p: Parameters) -> Answer:
    try:
        answer = await _read(engine, run_sql, engine.warehouse, str(p["sql"]), engine.settings.api)
    except SqlRefused as error:
        raise UserError(str(error)) from None
    return answer.to_json()


async def _audit(engine: Engine, p: Parameters) -> Answer:
    checks = await run_audit(
        engine, running=bool(p.get("running")), timeout_s=float(p.get("timeout") or AUDIT_SETTLE_TIMEOUT_S)
    )
    return {"ok": all(check.ok for check in checks), "checks": [check.to_json() for check in checks]}


async def _attribute(engine: Engine, p: Parameters) -> Answer:
    timeout_s = float(p.get("timeout") or 600)
    await engine.catch_up(timeout_s, running=bool(p.get("running")), wait=bool(p.get("wait")))
    return {"ok": True}


async def _run(engine: Engine, p: Parameters) -> Answer:
    now_us = engine.clock.now_us()  # all that was received by now is stored before the run begins
    await _attribute(engine, p)
    return await run_handlers.run(engine, p, now_us)


async def _dead_letters(engine: Engine, p: Parameters) -> Answer:
    return {"dead_letters": [describe(record) for record in await _read(engine, list_dead, engine)]}


async def _repair(engine: Engine, p: Parameters) -> Answer:
    async with engine.trimming:  # the log is the proof
        done = await run_repair(engine)
    return {"ok": not any(one.left for one in done), "repairs": [one.to_json() for one in done]}


async def _backup(engine: Engine, p: Parameters) -> Answer:
    try:
        manifest = await take_backup(engine, Path(p["to"]))
    except OSError as error:
        raise UserError(f"{p['to']} cannot be written: {error.strerror or error}", UNREACHABLE) from error
    return {
        "ok": True,
        "rows": {table: manifest.rows(table) for table in manifest.tables},
        "bytes": sum(file.bytes for file in manifest.files()),
        "has": [file.name for file in manifest.others],
    }


_ASKS: dict[str, Callable[[Engine, Parameters], Awaitable[Answer]]] = {
    "report": _report,
    "explain": _explain,
    "conversion": _conversion,
    "problems": _problems,
    "sql": _sql,
    "audit": _audit,
    "attribute": _attribute,
    "run": _run,
    "diff": run_handlers.diff,
    "fit": run_handlers.fit,
    "dead_letters": _dead_letters,
    "backup": _backup,
    "repair": _repair,
}


def workers_for(place: InstallationAddress, name: str, parameters: Parameters) -> frozenset[Worker]:
    """The work that an engine which is opened for one question does: to attribute means to catch up.

    On servers whoever only waits leaves the work to the stations that run.
    """
    catches_up = name in ("attribute", "run") and not (place.on_servers and parameters.get("wait"))
    return ALL_WORKERS if catches_up else frozenset()


async def ask(engine: Engine, name: str, parameters: Parameters) -> Answer:
    """The answer of one question. Raises UserError."""
    if name not in _ASKS:
        raise UserError(f"this engine does not know {name!r}; it may be of another version")
    try:
        return await _ASKS[name](engine, parameters)
    except WarehouseError as error:
        raise UserError(first_line(error), UNREACHABLE if error.retryable and not error.code else NO) from error
    except LogUnavailable as error:
        raise UserError(first_line(error), UNREACHABLE) from error
