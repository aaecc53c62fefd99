"""Handlers of requests about hits: live hits, rejected hits, problems, a postback to test, the lag of the workers."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from clew.requests.types import (
    HitsRequest,
    PostbackRequest,
    ProblemsByCodeRequest,
    RejectedExamplesRequest,
    RejectedReasonsRequest,
    RejectedRequest,
)  # fmt: skip
from installation.engine import Engine
from installation.keys import KeysFileError, load_keys
from program.program import Program
from program.routes import OfferRoute, Routes
from reporting.hits import HitFilter, recent_hits
from reporting.postback_facts import click_facts, stored_conversion
from reporting.problems import problems_by_code
from reporting.rejected_hits import RejectedFilter, rejected_examples, rejected_reasons
from runtime.user_error import UNREACHABLE, UserError
from schemas.fields import NO_DIGEST, NO_TOKEN
from schemas.values.click_id import TokenKeys, facts_of, to_text
from schemas.values.ids import AbsentIds
from schemas.values.money import format_minor
from schemas.values.time_range import BadRange, range_us
from tracker.offers.program_index import ProgramIndex
from tracker.postback.draft import PostbackContext
from tracker.postback.inspect import Inspection, inspect_postback
from tracker.refusal import Refusal

Answer = dict[str, Any]
_T = TypeVar("_T")
_NO_LANDING = OfferRoute(landing_url="https://offer.invalid/")
"""Route of an offer where only postbacks are read: they need the offer's terms, and no landing page."""


async def _read(engine: Engine, work: Callable[..., _T], *arguments: Any, **named: Any) -> _T:
    async with engine.reading:
        return await asyncio.to_thread(work, *arguments, **named)


async def hits(engine: Engine, request: HitsRequest) -> Answer:
    """Return hits, newest first, and the time before which the next ones are."""
    before_us = engine.clock.now_us() + 1
    if request.before is not None:
        try:
            before_us = range_us(None, request.before, engine.program.terms.timezone)[1] or before_us
        except BadRange as error:
            raise UserError(str(error)) from None
    wanted = HitFilter(
        before_us=before_us, rows_max=request.limit, kind=request.kind or "", verdict=request.verdict or "",
        offer=request.offer or 0, partner=request.partner or 0, partners=request.partners,
    )  # fmt: skip
    found = await _read(engine, recent_hits, engine.warehouse, wanted)
    return {"hits": found, "next": found[-1]["ts"] if len(found) == request.limit else None}


async def rejected_by_reason(engine: Engine, request: RejectedReasonsRequest) -> Answer:
    """Count rejected hits by reason."""
    wanted, zone = _rejected_filter(engine, request), engine.program.terms.timezone
    return {"reasons": await _read(engine, rejected_reasons, engine.warehouse, wanted, zone)}


async def examples_of_reason(engine: Engine, request: RejectedExamplesRequest) -> Answer:
    """Return the newest rejected hits of one reason."""
    wanted, reason, limit = _rejected_filter(engine, request), request.reason, request.limit
    found = await _read(engine, rejected_examples, engine.warehouse, wanted, reason, limit, personal=request.personal)
    return {"examples": found}


def _rejected_filter(engine: Engine, request: RejectedRequest) -> RejectedFilter:
    try:
        from_us, to_us = range_us(request.from_, request.to, engine.program.terms.timezone)
    except BadRange as error:
        raise UserError(str(error)) from None
    return RejectedFilter(
        from_us=from_us, to_us=to_us, kind=request.kind or "", offer=request.offer or 0, partner=request.partner or 0,
        partners=request.partners,
    )  # fmt: skip


async def problem_codes(engine: Engine, request: ProblemsByCodeRequest) -> Answer:
    """Count problems of each code, with examples."""
    return {"problems": await _read(engine, problems_by_code, engine.warehouse, request.examples, request.partners)}


async def lag(engine: Engine) -> Answer:
    """Return the number of records that ingest and attribution have yet to handle, and why the engine is unwell."""
    ends = await engine.progress.ends()
    return {
        "ingest_records": await engine.progress.not_ingested(ends),
        "attribution_records": await engine.progress.not_attributed(ends),
        "unhealthy": await engine.unhealthy_reason(),
    }


# ------------------------------------------------------------------------------------------------ postback tester


async def inspect(engine: Engine, request: PostbackRequest) -> Answer:
    """Read a postback as an edge would, and say everything that is wrong with it. Nothing is recorded."""
    settings, now_us = engine.settings.tracker, engine.clock.now_us()
    terms, secrets = engine.program.terms, engine.program.secrets
    routes = Routes(offers=dict.fromkeys(terms.offers, _NO_LANDING))
    context = PostbackContext(
        ProgramIndex(Program(terms, routes, engine.program.labels, secrets)), _token_keys(engine), now_us, "",
        settings.field_bytes_max, settings.custom_fields_max,
    )  # fmt: skip
    absent = AbsentIds(settings.absent_ids, addresses=settings.ip_privacy == "truncated")
    read = inspect_postback(
        request.query.encode("utf-8", "surrogatepass"), (request.body or "").encode("utf-8", "surrogatepass"),
        request.content_type or "", context, absent,
    )  # fmt: skip
    if request.partners is not None and read.partner_id and read.partner_id not in request.partners:
        raise UserError("the postback is of a partner that is not yours")
    click = None if read.click_id == NO_TOKEN else await _read(engine, click_facts, engine.warehouse, read.click_id)
    stored = None
    may_see = request.partners is None or read.partner_id in request.partners
    if read.conversion_id != NO_DIGEST and may_see:
        stored = await _read(engine, stored_conversion, engine.warehouse, read.conversion_id)
    window_us = terms.offers[read.offer_id].click_window_us if read.offer_id else None
    return {**_inspection(read), "click": _click(read, click, now_us, window_us), "stored": stored}


def _token_keys(engine: Engine) -> TokenKeys:
    data, own = engine.place.data, engine.settings.keys
    path = data.keys(own) if data is not None else own
    if path is None:
        raise UserError(
            "click ids cannot be checked here: set CLEW_KEYS of `clew api` to a copy of keys.toml", UNREACHABLE
        )
    try:
        return load_keys(path)
    except KeysFileError as error:
        raise UserError(f"click ids cannot be checked here: {error}", UNREACHABLE) from None


def _inspection(read: Inspection) -> Answer:
    amount = format_minor(read.amount_minor, read.currency) if read.currency and read.topic == "conversion" else ""
    return {
        "topic": read.topic,
        "test": read.test,
        "fields": [msgspec.to_builtins(field) for field in read.fields],
        "mistakes": [_mistake(refusal) for refusal in read.refusals],
        "offer_id": read.offer_id,
        "partner_id": read.partner_id,
        "goal": read.goal,
        "txn_id": read.txn_id,
        "amount": amount,
        "currency": read.currency,
        "status": read.status,
        "coupon_reason": read.coupon_reason,
        "conversion_id": "" if read.conversion_id == NO_DIGEST else read.conversion_id.hex(),
    }


def _mistake(refusal: Refusal) -> Answer:
    return {
        "verdict": refusal.verdict, "reason": refusal.reason.value, "field": refusal.field, "detail": refusal.detail,
        "status": refusal.status,
    }  # fmt: skip


def _click(read: Inspection, facts: dict[str, Any] | None, now_us: int, window_us: int | None) -> Answer | None:
    """Return what is known about the click that a postback names by its id."""
    if read.click_id == NO_TOKEN:
        return None
    age_us = now_us - facts_of(read.click_id).ts_ms * 1_000
    return {
        "click_id": to_text(read.click_id), "age_s": age_us // 1_000_000, "is_stored": facts is not None,
        "is_bot": bool(facts and facts["is_bot"]), "link": facts["link"] if facts else "",
        "in_window": window_us is None or age_us <= window_us,
        "window_s": None if window_us is None else window_us // 1_000_000,
    }  # fmt: skip
