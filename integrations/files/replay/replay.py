"""`clew replay`: send a history as traffic over HTTP, in bounded windows of lines.

rows -> events or hits -> batches -> answers -> saved state. The id of a line is the file's digest and the line's
number, so sending a line again changes nothing. Hits have no ids; only the saved state keeps them from being sent
twice.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from integrations.files.infer_program import count_history, numbers_of
from integrations.files.lines import LineMaker, Names, names_of
from integrations.files.mapping.mapping import FileMapping
from integrations.files.replay.report import ReplayProgress, ReplayReport
from integrations.files.replay.run import BATCHES_IN_FLIGHT_MAX, HITS_IN_FLIGHT_MAX, ReplayRun
from integrations.files.replay.send import BadOrder, ReplayError, Sender, Sleep
from integrations.files.replay.state import state_path
from integrations.files.source import SourceFile
from program.program import Program
from program.toml.tables import BadValue
from runtime.clock import Clock

RATE_MIN, RATE_MAX = 0.001, 1_000_000
"""Events a second."""


@dataclass(frozen=True, slots=True)
class ReplayOrder:
    """File, target and options of a replay."""

    file: Path
    mapping: FileMapping
    to: str
    api_key: str = ""
    program: Program | None = None
    """Program with the numbers of offers and partners that the file calls by name."""
    rate: float | None = None
    """Maximum number of events a second."""
    again: bool = False
    """Whether everything is sent from the beginning, whatever was sent before."""
    state_dir: Path | None = None
    """Folder of saved states; None saves none."""


async def replay(
    order: ReplayOrder,
    clock: Clock,
    progress: Callable[[ReplayProgress], None] | None = None,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    sleep: Sleep = asyncio.sleep,
) -> ReplayReport:
    """Replay a file. Raises SourceError, ReplayError; events that were answered before the error are kept by Clew."""
    _check(order)
    is_events = order.mapping.source.mode == "events"
    names = _names(order)
    connections_max = BATCHES_IN_FLIGHT_MAX if is_events else HITS_IN_FLIGHT_MAX
    with SourceFile(order.file, order.mapping) as file:
        digest = file.digest()
        async with Sender(
            order.to, order.api_key, clock, connections_max=connections_max, transport=transport, sleep=sleep
        ) as sender:
            installation = await sender.installation()
            path = None
            if order.state_dir is not None:
                name = (digest, order.mapping.digest, order.to.rstrip("/"), installation, order.api_key)
                path = state_path(order.state_dir, name)
            maker = LineMaker(order.mapping, digest, names, file.delimiter)
            run = ReplayRun(file, maker, sender, path, clock, order.rate, progress, sleep)
            return await run.run(order.mapping, again=order.again)


def _check(order: ReplayOrder) -> None:
    """Raise BadOrder for an option that cannot be honoured."""
    if order.mapping.source.mode == "events" and not order.api_key:
        raise BadOrder("/v1/events needs an API key: give --api-key, CLEW_API_KEY or --program")
    if order.rate is not None and not RATE_MIN <= order.rate <= RATE_MAX:
        raise BadOrder(f"--rate must be from {RATE_MIN} to {RATE_MAX:,} events a second")
    url = urlsplit(order.to)
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment or url.username:
        raise BadOrder("--to must be the tracking URL of a Clew, such as http://127.0.0.1:8080")


def _names(order: ReplayOrder) -> Names:
    """Return the numbers of names: those of the program, or those that `clew program infer` gives."""
    if order.program is not None:
        try:
            return names_of(order.mapping, order.program)
        except BadValue as error:
            raise ReplayError(f"{error}; rename one of them") from None
    if any("offer" in rule.fields and rule.type in ("conversion", "adjustment") for rule in order.mapping.events):
        return Names(offers=numbers_of(count_history(order.file, order.mapping).offers, are_numbers=False))
    return Names()
