"""`clew repair`: ingest's tables against the log, then attribution's against what is kept of its passes.

In this order: a record that comes back may be one that attribution went by. What neither can prove is named with
its fix. Workers may go on meanwhile.
"""

import asyncio
import threading

from attribution.live.pass_writer import PassWriter
from installation.engine import Engine
from installation.workers import CODE_VERSION, Worker
from operations.findings import Repair
from operations.repair.attribution import missed, repair
from operations.repair.ingest import IngestRepair

_ROUNDS_MAX = 1_000
"""Rounds of at most 20,000 conversions each that passes had gone by."""


async def run_repair(engine: Engine) -> list[Repair]:
    """Repair ingest, then attribution; return repaired and remaining damage. Raises WarehouseError, LogUnavailable."""
    ingest = IngestRepair(
        engine.observer, engine.warehouse, engine.workers.new_enricher(), engine.settings.ingest, threading.Event()
    )
    done = await ingest.run()
    claimed_passes = await engine.claimed_passes()
    done += await asyncio.to_thread(
        repair,
        engine.warehouse,
        lambda shard: PassWriter(engine.warehouse, shard, engine.clock, CODE_VERSION),
        claimed_passes,
    )
    done.append(await _credit_missed(engine))
    return [one for one in done if one.mended or one.left]


async def _credit_missed(engine: Engine) -> Repair:
    """Credit conversions that were restored after the passes that would have credited them."""
    credited, left = 0, await asyncio.to_thread(missed, engine.warehouse)
    if left and engine.workers.attributor is None:
        await engine.workers.start(
            {Worker.ATTRIBUTION}
        )  # on servers as one more worker: others give up some of their shards
    for _ in range(_ROUNDS_MAX):
        if not left or engine.workers.attributor is None:
            break
        report = await engine.workers.attributor.credit(left)
        again = await asyncio.to_thread(missed, engine.warehouse)
        if again == left:  # they are of shards that other workers have
            break
        credited, left = credited + report.credited + report.restated, again
    why = "its shard is another worker's; stop `clew attribute --follow` and repair again"
    return Repair.of("conversions that were passed by", credited, [f"{one.hex()}: {why}" for one in left])
