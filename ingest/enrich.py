"""Enrich touches with device, robot and place: a pure function of the record and the enrichment epoch.

The epoch names the rules and the geo database. Every row keeps it, so that results of other versions can be told apart.
"""

import functools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from ingest.bots import BOT_BITS, RULES, Agent, BotReason
from schemas.events import Hint, Touch
from schemas.tables import Enrichment


class Geo(Protocol):
    """Finds the place of an IP address. `epoch` names the database and its build."""

    epoch: str

    def place(self, ip: str) -> tuple[str, str, str]:
        """Return country code, region and city; empty if unknown."""
        ...


# Plain integers: the operators of enums cost more than the rest of a cached reading.
_CRAWLER, _UA_MISSING, _BOT_BITS = int(BotReason.CRAWLER), int(BotReason.UA_MISSING), int(BOT_BITS)
_REASONS_OF_HINTS = [
    (int(BotReason.HEAD) if hints & Hint.HEAD else 0) | (int(BotReason.PREFETCH) if hints & Hint.PREFETCH else 0)
    for hints in range(4)
]


@functools.cache
def _reader() -> Callable[[str], Agent]:
    """Import the parser when the first agent is read, so that commands that read none start without it."""
    from ingest.user_agent import read_agent

    return read_agent


class Enricher:
    """Enriches touches; keeps the last `user_agents_max` parsed user agents."""

    def __init__(self, geo: Geo, user_agents_max: int) -> None:
        self._geo = geo
        self._agents: OrderedDict[str, Agent] = OrderedDict()
        self._agents_max = user_agents_max
        self.epoch = f"{RULES}+geo-{geo.epoch}"

    def enrich(self, touch: Touch, visitor: int) -> Enrichment:
        """Enrich one touch; `visitor` is its `identity.visitor_hash`."""
        agent = self._agent(touch.user_agent)
        reasons = _CRAWLER if agent.is_crawler else 0
        if touch.hints:
            reasons |= _REASONS_OF_HINTS[touch.hints & 3]
        if not touch.user_agent and touch.redirect_type != "api":
            reasons |= _UA_MISSING
        country, region, city = self._geo.place(touch.ip) if touch.ip else ("", "", "")
        return Enrichment(
            country, region, city, agent.device, agent.os, agent.browser, 1 if reasons & _BOT_BITS else 0, reasons,
            visitor, self.epoch,
        )  # fmt: skip

    def columns(self, touches: Sequence[Touch], visitors: Sequence[int]) -> list[pa.Array]:
        """Enrich many touches, column by column. Values of one user agent are built once."""
        places: dict[Agent, int] = {}
        at: list[int] = []
        reasons: list[int] = []
        for touch in touches:
            agent = self._agent(touch.user_agent)
            at.append(places.setdefault(agent, len(places)))
            mask = _CRAWLER if agent.is_crawler else 0
            if touch.hints:
                mask |= _REASONS_OF_HINTS[touch.hints & 3]
            if not touch.user_agent and touch.redirect_type != "api":
                mask |= _UA_MISSING
            reasons.append(mask)
        of_agents = pa.array(at, pa.int32())
        found = [self._geo.place(touch.ip) if touch.ip else ("", "", "") for touch in touches]
        masks = np.array(reasons, np.uint16)
        return [
            *(pa.array([place[n] for place in found], pa.string()) for n in range(3)),
            *(pa.array([agent[n] for agent in places], pa.string()).take(of_agents) for n in range(3)),
            pa.array(((masks & _BOT_BITS) != 0).astype(np.uint8)),
            pa.array(masks),
            pa.array(visitors, pa.uint64()),
            pa.repeat(pa.scalar(self.epoch), len(at)),
        ]

    def _agent(self, user_agent: str) -> Agent:
        agent = self._agents.get(user_agent)
        if agent is None:
            agent = self._agents[user_agent] = _reader()(user_agent)
            if len(self._agents) > self._agents_max:
                self._agents.popitem(last=False)
        else:
            self._agents.move_to_end(user_agent)
        return agent
