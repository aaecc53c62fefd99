"""Handlers of requests about runs: do one, compare two, export the weights that one was fitted to."""

import asyncio
import json
from typing import Any

from attribution.core.journeys import TooManyTouches
from attribution.paths.evaluate import parse_asked
from attribution.runs.export_fit import export_fit
from attribution.runs.identity_map import EMPTY_MAP
from attribution.runs.run_reader import identity_map
from attribution.runs.runner import RunReport, Runs, TooFewConversions
from attribution.runs.spec import BadRun, RunSpec
from attribution.store.as_of import TS_MAX
from clew.requests.types import DiffRequest, FitRequest, RunRequest
from installation.engine import Engine
from installation.workers import CODE_VERSION
from reporting.run_diff import diff_report
from runtime.user_error import NO, ReportError, UserError
from schemas.values.model_names import DATA_DRIVEN, BadModel
from schemas.values.money import format_minor
from schemas.values.time_range import BadRange, instant_us

Answer = dict[str, Any]


async def run(engine: Engine, request: RunRequest, now_us: int) -> Answer:
    """Apply models to stored conversions. `now_us` is the time of the run unless the request has `as_of`."""
    try:
        report = await asyncio.to_thread(_run, engine, request, now_us)
    except TooFewConversions as error:
        raise UserError(str(error), NO) from None
    except (BadModel, BadRange, BadRun) as error:
        raise UserError(str(error)) from None
    except TooManyTouches as error:
        raise UserError(f"{error}; take a shorter range", NO) from None
    return _answer(report)


def _run(engine: Engine, request: RunRequest, now_us: int) -> RunReport:
    zone = engine.program.terms.timezone
    as_of_us = instant_us(request.as_of, zone) if request.as_of else now_us
    if as_of_us > now_us:
        raise BadRun("--as-of is in the future: a run only knows what has been received")
    models = tuple(sorted({model.text for model in parse_asked(request.models)}))
    if request.conversions_min and not set(models) & set(DATA_DRIVEN):
        raise BadRun(f"--conversions-min is for models that are fitted: {', '.join(DATA_DRIVEN)}")
    people = identity_map(engine.warehouse, as_of_us) if request.stitch else EMPTY_MAP
    spec = RunSpec(
        models=models,
        from_us=instant_us(request.from_, zone) if request.from_ else 0,
        to_us=instant_us(request.to, zone) if request.to else TS_MAX,
        as_of_us=as_of_us, program_hash=engine.program.hash, code_version=CODE_VERSION, reuse=request.reuse,
        map_version=people.version,
    )  # fmt: skip
    return Runs(engine.warehouse).run(spec, people, request.workers, conversions_min=request.conversions_min)


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


async def diff(engine: Engine, request: DiffRequest) -> Answer:
    """Compare two runs."""
    by = [name.strip() for name in request.by.split(",") if name.strip()]
    async with engine.reading:
        try:
            report = await asyncio.to_thread(
                diff_report, engine.warehouse, engine.program.labels, request.left, request.right, by
            )
        except ReportError as error:
            raise UserError(str(error)) from None
    return report.to_json()


async def fit(engine: Engine, request: FitRequest) -> Answer:
    """Return a fitted run's weights as a `[[fits]]` table, and the partners in it that the program lacks."""
    async with engine.reading:
        try:
            found, gap = await asyncio.to_thread(export_fit, engine.warehouse, request.run)
        except ReportError as error:
            raise UserError(str(error)) from None
    partners = engine.program.labels.partners
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
