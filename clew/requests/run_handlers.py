"""Questions about runs: do one, and compare two. asks.py has the others."""

import asyncio
import json
from typing import Any, cast

from attribution.core.journeys import TooManyTouches
from attribution.paths.evaluate import parse_asked
from attribution.runs.export_fit import export_fit
from attribution.runs.identity_map import NOBODY
from attribution.runs.run_reader import identity_map
from attribution.runs.runner import RunReport, Runs, TooFewConversions
from attribution.runs.spec import REUSES, BadRun, Reuse, RunSpec
from attribution.store.as_of import TS_MAX
from installation.engine import CODE_VERSION, Engine
from reporting.run_diff import diff_report
from reporting.time_range import BadRange, instant_us
from runtime.user_error import NO, ReportError, UserError
from schemas.values.model_names import DATA_DRIVEN, BadModel
from schemas.values.money import format_minor

Parameters = dict[str, Any]
Answer = dict[str, Any]

WORKERS_MAX = 64


async def run(engine: Engine, p: Parameters, now_us: int) -> Answer:
    """Do the run that the parameters describe, over what has been stored. `now_us` is its time unless one is given."""
    try:
        report = await asyncio.to_thread(_run, engine, p, now_us)
    except TooFewConversions as error:
        raise UserError(str(error), NO) from None
    except (BadModel, BadRange, BadRun) as error:
        raise UserError(str(error)) from None
    except TooManyTouches as error:
        raise UserError(f"{error}; take a shorter range", NO) from None
    return _answer(report)


def _run(engine: Engine, p: Parameters, now_us: int) -> RunReport:
    zone = engine.program.rules.timezone
    as_of_us = instant_us(p["as_of"], zone) if p.get("as_of") else now_us
    if as_of_us > now_us:
        raise BadRun("--as-of is in the future: a run only knows what has been received")
    reuse = p.get("reuse") or "reuse"
    if reuse not in REUSES:
        raise BadRun(f"--reuse is one of {', '.join(REUSES)}")
    workers = int(p.get("workers", 1))
    if not 1 <= workers <= WORKERS_MAX:
        raise BadRun(f"--workers is 1 to {WORKERS_MAX}")
    models = tuple(sorted({model.text for model in parse_asked(str(p["models"]))}))
    conversions_min = int(p.get("conversions_min") or 0)
    if conversions_min < 0 or (conversions_min and not set(models) & set(DATA_DRIVEN)):
        raise BadRun(f"--conversions-min is 0 or more, and for models that are fitted: {', '.join(DATA_DRIVEN)}")
    people = identity_map(engine.warehouse, as_of_us) if p.get("stitch") else NOBODY
    spec = RunSpec(
        models=models,
        from_us=instant_us(p["from"], zone) if p.get("from") else 0,
        to_us=instant_us(p["to"], zone) if p.get("to") else TS_MAX,
        as_of_us=as_of_us, program_hash=engine.program.hash, code_version=CODE_VERSION, reuse=cast(Reuse, reuse),
        map_version=people.version,
    )  # fmt: skip
    return Runs(engine.warehouse).run(spec, people, workers, conversions_min=conversions_min)


def _answer(report: RunReport) -> Answer:
    run = report.run
    return {
        "run_id": run.run_id,
        "was_there": report.was_there,
        "conversions": run.conversions,
        "failed": run.failed,
        "rows": run.rows,
        "values": {currency: format_minor(minor, currency) for currency, minor in run.values.items()},
        "parameters": run.parameters,
        "shares": json.loads(run.shares) if run.shares else {},
    }


async def diff(engine: Engine, p: Parameters) -> Answer:
    """Two runs beside each other."""
    by = [name.strip() for name in (p.get("by") or "partner").split(",") if name.strip()]
    async with engine.reading:
        try:
            report = await asyncio.to_thread(
                diff_report, engine.warehouse, engine.program.rules, str(p["left"]), str(p["right"]), by
            )
        except ReportError as error:
            raise UserError(str(error)) from None
    return report.to_json()


async def fit(engine: Engine, p: Parameters) -> Answer:
    """What a run was fitted to, as `[[fits]]` of a program file, and which of its partners the program lacks."""
    async with engine.reading:
        try:
            found, gap = await asyncio.to_thread(export_fit, engine.warehouse, str(p["run"]))
        except ReportError as error:
            raise UserError(str(error)) from None
    partners = engine.program.rules.partners
    return {
        "id": found.id,
        "model": found.model,
        "run": found.run,
        "from": found.from_ts or None,
        "to": found.to_ts or None,
        "as_of": found.as_of,
        "conversions": found.conversions,
        "gap": gap,
        "weights": {str(partner): weight for partner, weight in found.weights.items()},
        "unknown_partners": sorted(found.weights.keys() - partners.keys()),
    }
