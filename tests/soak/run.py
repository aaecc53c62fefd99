"""One soak: serve, load, kill at random instants, settle, judge."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.serving import Serving
from tests.soak.load import Answered, Load
from tests.soak.oracle import Verdict, judge

CHILDREN = ("edge", "engine", "web", "jobs")
TARGETS = (*CHILDREN, "parent", "all")


@dataclass
class Soak:
    """The actions and findings of one soak."""

    kills: Counter[str]
    answered: Answered
    verdict: Verdict
    seconds: float


async def _kill_at_random(server: Serving, kills: int, rng: random.Random, say: Callable[[str], None]) -> Counter[str]:
    done: Counter[str] = Counter()
    while done.total() < kills:
        # Short gaps hit starts and recoveries, longer ones the middle of ingest and attribution.
        await asyncio.sleep(rng.uniform(0.05, 0.9) if rng.random() < 0.6 else rng.uniform(1.5, 5.0))
        target = rng.choices(TARGETS, weights=(4, 4, 1, 1, 1, 1))[0]
        if target in CHILDREN:
            pids = server.pids_of(target)
            if not pids:
                continue
            os.kill(rng.choice(pids), signal.SIGKILL)
        elif target == "parent":
            assert server.parent is not None
            server.parent.kill()
            server.parent.wait()
            server.spawn()
        else:
            await asyncio.to_thread(server.kill)
            server.spawn()
        done[target] += 1
        if done.total() % 20 == 0:
            say(f"{done.total()} of {kills} kills: {dict(done)}")
    return done


async def _under_load(server: Serving, kills: int, seed: int, say: Callable[[str], None]) -> tuple[Counter[str], Load]:
    load = Load([server.url], seed)
    running = asyncio.create_task(load.run())
    try:
        done = await _kill_at_random(server, kills, random.Random(seed), say)
        await asyncio.to_thread(server.wait_ready, 90)
        await asyncio.sleep(1.0)
    finally:
        load.stopping.set()
        await running
    return done, load


def soak(folder: Path, kills: int, seed: int, say: Callable[[str], None] = lambda _: None) -> Soak:
    """Run it. The seed fixes the load and the order of kills, not their instants."""
    started = time.monotonic()
    server = Serving(folder, workers=2, web=True)
    try:
        server.start()
        done, load = asyncio.run(_under_load(server, kills, seed, say))
        say("settling")
        server.settle(300)
        verdict = judge(server, load.answered)
    finally:
        server.kill()
    return Soak(done, load.answered, verdict, time.monotonic() - started)
