"""Traffic of `clew demo`: two weeks of history through /v1/events, then live visitors and postbacks.

The same seed makes the same visitors; their times end now.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import orjson

from clew.demo.history import EXPLAINED_ID, history
from clew.demo.live_traffic import live_traffic
from clew.demo.program import demo_program_toml
from integrations.files.lines import EventLine
from integrations.files.replay.send import ReplayError, Sender
from runtime.clock import Clock, SystemClock

__all__ = ["DemoSummary", "demo_program_toml", "run_demo_traffic"]

HISTORY_VISITORS = 900
LIVE_VISITORS = 200
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
    clock: Clock | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> DemoSummary:
    """Send all traffic. Raises ReplayError if Clew cannot be reached or an answer is unexpected."""
    clock = clock or SystemClock()
    chance = random.Random(seed)
    lines = history(chance, clock.now_us(), HISTORY_VISITORS)
    async with Sender(base_url, api_key, clock, connections_max=_CONNECTIONS_MAX, transport=transport) as sender:
        progress(f"sending two weeks of history: {len(lines)} events")
        conversion_id, verdicts = await _send_history(sender, lines)
        progress(f"sending {LIVE_VISITORS} live visitors")
        try:
            live = await live_traffic(sender, chance, LIVE_VISITORS)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
    verdicts += live.verdicts
    return DemoSummary(conversion_id, sum(verdicts.values()), dict(sorted(verdicts.items())))


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
