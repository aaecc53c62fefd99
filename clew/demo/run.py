"""Traffic of `clew demo`: 60 days of history through /v1/events, then live visitors and postbacks.

The same seed makes the same visitors; their times end now.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import orjson

from clew.demo.history import DAYS, EXPLAINED_ID, history
from clew.demo.live_traffic import live_traffic
from integrations.files.lines import EventLine
from integrations.files.replay.send import ReplayError, Sender
from runtime.clock import Clock, SystemClock

HISTORY_VISITORS = 3_000
LIVE_VISITORS = 100
_ROUND_VISITORS = 4
_ROUND_PAUSE_S = 2.0
_BATCH_LINES = 500
_CONNECTIONS_MAX = 8


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """Counts of what was sent, and a conversion to explain: several partners, a split, a refund."""

    conversion_id: str
    sent: int
    verdicts: dict[str, int]
    """Number of events by kind and verdict."""


async def run_demo_traffic(
    base_url: str,
    api_key: str,
    seed: int,
    progress: Callable[[str], None],
    *,
    visitors_count: int = HISTORY_VISITORS,
    clock: Clock | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> DemoSummary:
    """Send history and live visitors. Raises ReplayError if Clew cannot be reached or an answer is unexpected."""
    clock = clock or SystemClock()
    chance = random.Random(seed)
    lines = history(chance, clock.now_us(), visitors_count)
    async with Sender(base_url, api_key, clock, connections_max=_CONNECTIONS_MAX, transport=transport) as sender:
        progress(f"sending {DAYS} days of history: {len(lines)} events")
        conversion_id, verdicts = await _send_history(sender, lines)
        progress(f"sending {LIVE_VISITORS} live visitors")
        try:
            live = await live_traffic(sender, chance, LIVE_VISITORS)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
    verdicts += live.verdicts
    return DemoSummary(conversion_id, sum(verdicts.values()), dict(sorted(verdicts.items())))


async def go_on_sending(base_url: str, api_key: str, seed: int) -> None:
    """Send a few live visitors every few seconds until cancelled; wait while Clew cannot be reached."""
    clock, chance, first = SystemClock(), random.Random(seed), LIVE_VISITORS
    async with Sender(base_url, api_key, clock, connections_max=_CONNECTIONS_MAX) as sender:
        while True:
            with contextlib.suppress(ReplayError, ExceptionGroup):
                await live_traffic(sender, chance, _ROUND_VISITORS, first)
            first += _ROUND_VISITORS
            await asyncio.sleep(_ROUND_PAUSE_S)


async def _send_history(sender: Sender, lines: list[dict[str, object]]) -> tuple[str, Counter[str]]:
    verdicts: Counter[str] = Counter()
    conversion_id = ""
    batches = [lines[at : at + _BATCH_LINES] for at in range(0, len(lines), _BATCH_LINES)]
    for batch in [*batches, batches[0]]:  # the first batch again, as after a lost answer: all duplicates
        answers = await sender.events([EventLine(number, orjson.dumps(line)) for number, line in enumerate(batch)])
        for line, answer in zip(batch, answers, strict=True):
            verdicts[f"{line['type']}: {answer.verdict}"] += 1
            if line["id"] == EXPLAINED_ID:
                conversion_id = answer.conversion_id
    if not conversion_id:
        raise ReplayError("the demo's conversion was not taken; this is a bug")
    return conversion_id, verdicts
