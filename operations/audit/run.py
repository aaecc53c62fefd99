"""Run every audit check: the log against the tables, and the tables against each other."""

import asyncio

from installation.catch_up import settle
from installation.engine import Engine
from operations.audit.attribution import attribution_checks
from operations.audit.log import log_checks
from operations.findings import Check

AUDIT_SETTLE_TIMEOUT_S = 15.0
"""Longest time that an audit waits for running workers to catch up."""


async def run_audit(engine: Engine, *, running: bool, timeout_s: float) -> list[Check]:
    """Run all checks; wait up to `timeout_s` for running ingest and attribution workers to catch up first."""
    settled = await settle(engine, timeout_s) if running or engine.place.on_servers else True
    checks = await log_checks(engine.warehouse, engine.observer, settled=settled)
    return checks + await asyncio.to_thread(attribution_checks, engine.warehouse, engine.clock.now_us())
