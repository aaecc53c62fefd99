"""Handlers of requests, one per type. The same function answers in a running server and on a stopped directory.

Each takes the engine and the request, and returns what `--json` prints.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from clew.requests import hit_handlers, run_handlers
from clew.requests.types import (
    AttributeRequest,
    AuditRequest,
    BackupRequest,
    BalancesRequest,
    ConversionRequest,
    ConversionsRequest,
    DeadLettersRequest,
    DiffRequest,
    ExplainRequest,
    FitRequest,
    HitsRequest,
    LagRequest,
    PostbackRequest,
    ProblemsByCodeRequest,
    ProblemsRequest,
    ProgramRequest,
    RejectedExamplesRequest,
    RejectedReasonsRequest,
    RepairRequest,
    ReportRequest,
    Request,
    RunRequest,
    SqlRequest,
)  # fmt: skip
from eventlog.port import LogUnavailable
from installation.address import InstallationAddress
from installation.catch_up import catch_up
from installation.engine import Engine
from installation.workers import ALL_WORKERS, Worker
from operations.audit.run import run_audit
from operations.backup.take import take_backup
from operations.dead_letters import describe, list_dead
from operations.repair.run import run_repair
from reporting.balances import list_balances
from reporting.conversion_list import Asked, list_conversions
from reporting.explain import explain
from reporting.explain_partner import partners_of
from reporting.kpi import kpi_report
from reporting.only import Only
from reporting.problems import list_problems
from reporting.rejected import rejected_report
from reporting.sql.guard import SqlRefused
from reporting.sql.run import run_sql
from runtime.user_error import NO, UNREACHABLE, UserError, first_line
from schemas.ddl import ANALYST
from schemas.values.time_range import BadRange, range_us
from warehouse.port import WarehouseError, rows_of

Answer = dict[str, Any]
_T = TypeVar("_T")


async def _read(engine: Engine, work: Callable[..., _T], *arguments: Any) -> _T:
    """Run a query in a thread. Few run at once, so that ingest and attribution always find a free connection."""
    async with engine.reading:
        return await asyncio.to_thread(work, *arguments)


_DEFAULT_BY = {"kpi": "partner,offer", "rejected": "reason"}


async def _report(engine: Engine, request: ReportRequest) -> Answer:
    reports = {"kpi": kpi_report, "rejected": rejected_report}
    make = reports.get(request.name)
    if make is None:
        raise UserError(f"there is no report {request.name[:64]!r}; use one of {', '.join(reports)}")
    program = engine.program
    by = [name.strip() for name in (request.by or _DEFAULT_BY[request.name]).split(",") if name.strip()]
    try:
        from_us, to_us = range_us(request.from_, request.to, program.terms.timezone)
        only = Only.of(request.partners, request.offers)
        filters = (request.filters or {},) if make is kpi_report else ()
        if request.filters and not filters:
            raise UserError(f"the report {request.name} has no filters by dimension; only kpi has")
        report = await _read(engine, make, engine.warehouse, program, by, from_us, to_us, only, *filters)
        shown = report.ordered(request.order) if request.order else report
    except (BadRange, ValueError) as error:
        raise UserError(str(error)) from None
    end = request.offset + request.limit if request.limit is not None else None
    return {
        **shown.part(request.offset, end).to_json(),
        "total_rows": len(report.rows),
        "currency": program.terms.currency,
        "timezone": program.terms.timezone,
    }


async def _conversions(engine: Engine, request: ConversionsRequest) -> Answer:
    try:
        from_us, to_us = range_us(request.from_, request.to, engine.program.terms.timezone)
    except BadRange as error:
        raise UserError(str(error)) from None
    asked = Asked(
        from_us, to_us, request.partners, request.offers, request.status, request.goal,
        _hex_id(request.conversion_id) if request.conversion_id is not None else None,
        request.q, request.personal,
        (request.after[0], _hex_id(request.after[1])) if request.after is not None else None, request.limit,
    )  # fmt: skip
    rows = await _read(engine, list_conversions, engine.warehouse, asked, engine.clock.now_us())
    return {"conversions": rows}


async def _balances(engine: Engine, request: BalancesRequest) -> Answer:
    rows = await _read(
        engine, list_balances, engine.warehouse, request.partners, engine.clock.now_us(), request.limit, request.offset
    )
    return {"balances": rows}


async def _explain(engine: Engine, request: ExplainRequest) -> Answer:
    conversion_id = _conversion_id(request)
    explanation = await _read(engine, explain, engine.warehouse, engine.labels, conversion_id)
    if explanation is None or not (request.partners is None or partners_of(explanation) & {*request.partners}):
        raise UserError(f"there is no conversion {conversion_id} in the warehouse", NO)
    return explanation.to_json()


async def _conversion(engine: Engine, request: ConversionRequest) -> Answer:
    conversion_id = _conversion_id(request)
    columns = await _read(
        engine,
        engine.warehouse.query,
        f"SELECT * FROM {ANALYST}.conversions WHERE conversion_id = {{id:String}}",
        {"id": conversion_id},
    )
    rows = rows_of(columns)
    if not rows:
        raise UserError(f"there is no conversion {conversion_id} in the warehouse", NO)
    public = {name: value for name, value in rows[0].items() if not name.startswith("_")}
    return {name: _plain(value) for name, value in public.items()}


def _plain(value: Any) -> Any:
    """Return a value of a row as JSON has it: dates as RFC 3339, decimals as text, maps as objects."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, list):
        return dict(value)
    return value if isinstance(value, str | int) else str(value)


def _conversion_id(request: ExplainRequest | ConversionRequest) -> str:
    return _hex_id(request.conversion_id)


def _hex_id(given: str) -> str:
    text = given.lower()
    if len(text) != 32 or any(c not in "0123456789abcdef" for c in text):
        raise UserError(f"{text[:64]!r} is not a conversion id; it has 32 hex digits")
    return text


async def _problems(engine: Engine) -> Answer:
    return {"problems": await _read(engine, list_problems, engine.warehouse)}


async def _sql(engine: Engine, request: SqlRequest) -> Answer:
    try:
        answer = await _read(engine, run_sql, engine.warehouse, request.sql, engine.settings.api)
    except SqlRefused as error:
        raise UserError(str(error)) from None
    return answer.to_json()


async def _audit(engine: Engine, request: AuditRequest, *, running: bool) -> Answer:
    checks = await run_audit(engine, running=running, timeout_s=request.timeout)
    return {"ok": all(check.ok for check in checks), "checks": [check.to_json() for check in checks]}


async def _attribute(engine: Engine, request: AttributeRequest | RunRequest, *, running: bool) -> Answer:
    await catch_up(engine, request.timeout, running=running, wait=request.wait)
    return {"ok": True}


async def _run(engine: Engine, request: RunRequest, *, running: bool) -> Answer:
    now_us = engine.clock.now_us()  # everything received by now is stored before the run begins
    await _attribute(engine, request, running=running)
    return await run_handlers.run(engine, request, now_us)


async def _dead_letters(engine: Engine) -> Answer:
    return {"dead_letters": [describe(record) for record in await _read(engine, list_dead, engine)]}


async def _repair(engine: Engine) -> Answer:
    async with engine.workers.trimming:  # the log is the proof
        done = await run_repair(engine)
    return {"ok": not any(repair.left for repair in done), "repairs": [repair.to_json() for repair in done]}


async def _backup(engine: Engine, request: BackupRequest) -> Answer:
    try:
        manifest = await take_backup(engine, Path(request.to))
    except OSError as error:
        raise UserError(f"{request.to} cannot be written: {error.strerror or error}", UNREACHABLE) from error
    return {
        "ok": True,
        "rows": {table: manifest.rows(table) for table in manifest.tables},
        "bytes": sum(file.bytes for file in manifest.files()),
        "has": [file.name for file in manifest.others],
    }


def workers_for(address: InstallationAddress, request: Request) -> frozenset[Worker]:
    """Return the workers that an engine needs which is opened for one request: attributing means to catch up.

    On servers a request that only waits leaves the work to the workers that run there.
    """
    if not isinstance(request, AttributeRequest | RunRequest) or (address.on_servers and request.wait):
        return frozenset()
    return ALL_WORKERS


async def ask(engine: Engine, request: Request, *, running: bool = False) -> Answer:
    """Answer one request. `running`: the engine's own workers run. Raises UserError."""
    try:
        return await _dispatch(engine, request, running=running)
    except WarehouseError as error:
        raise UserError(first_line(error), UNREACHABLE if error.retryable and not error.code else NO) from error
    except LogUnavailable as error:
        raise UserError(first_line(error), UNREACHABLE) from error


async def _dispatch(engine: Engine, request: Request, *, running: bool) -> Answer:
    match request:
        case ReportRequest():
            return await _report(engine, request)
        case ConversionsRequest():
            return await _conversions(engine, request)
        case BalancesRequest():
            return await _balances(engine, request)
        case ExplainRequest():
            return await _explain(engine, request)
        case ConversionRequest():
            return await _conversion(engine, request)
        case ProblemsRequest():
            return await _problems(engine)
        case SqlRequest():
            return await _sql(engine, request)
        case AuditRequest():
            return await _audit(engine, request, running=running)
        case AttributeRequest():
            return await _attribute(engine, request, running=running)
        case RunRequest():
            return await _run(engine, request, running=running)
        case DiffRequest():
            return await run_handlers.diff(engine, request)
        case FitRequest():
            return await run_handlers.fit(engine, request)
        case DeadLettersRequest():
            return await _dead_letters(engine)
        case BackupRequest():
            return await _backup(engine, request)
        case RepairRequest():
            return await _repair(engine)
        case HitsRequest():
            return await hit_handlers.hits(engine, request)
        case RejectedReasonsRequest():
            return await hit_handlers.rejected_by_reason(engine, request)
        case RejectedExamplesRequest():
            return await hit_handlers.examples_of_reason(engine, request)
        case ProblemsByCodeRequest():
            return await hit_handlers.problem_codes(engine, request)
        case PostbackRequest():
            return await hit_handlers.inspect(engine, request)
        case LagRequest():
            return await hit_handlers.lag(engine)
        case ProgramRequest():
            return {"timezone": engine.program.terms.timezone, "currency": engine.program.terms.currency}
    raise AssertionError(f"no handler for {type(request).__name__}")
