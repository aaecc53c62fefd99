"""Enrich touches with device, robot and place: a pure function of the record and the enrichment epoch.

The epoch names the rules and the geo database. Every row keeps it, so that results of other versions can be told apart.
"""

import functools
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.bots import BOT_BITS, RULES, Agent, BotReason
from schemas.events import Hint, Touch
from schemas.tables import Enrichment


class Geo(Protocol):
    """Finds the place of an IP address. `epoch` names the database and its build."""

    epoch: str

    def place(self, ip: str) -> tuple[str, str, str]:
        """Return country code, region and city; empty if unknown."""
        ...


# Plain integers: the operators of enums are slow.
_CRAWLER, _UA_MISSING, _BOT_BITS = int(BotReason.CRAWLER), int(BotReason.UA_MISSING), int(BOT_BITS)
_REASONS_OF_HINTS = np.array(
    [
        (BotReason.HEAD if hints & Hint.HEAD else 0) | (BotReason.PREFETCH if hints & Hint.PREFETCH else 0)
        for hints in range(4)
    ],
    np.uint16,
)


@functools.cache
def _reader() -> Callable[[Sequence[str]], list[Agent]]:
    """Import the parser when the first agent is read, so that commands that read none start without it."""
    from ingest.user_agent import read_agents

    return read_agents


class Enricher:
    """Enriches touches; keeps the last `user_agents_max` parsed user agents."""

    def __init__(self, geo: Geo, user_agents_max: int) -> None:
        self._geo = geo
        self._agents: OrderedDict[str, Agent] = OrderedDict()
        self._agents_max = user_agents_max
        self.epoch = f"{RULES}+geo-{geo.epoch}"

    def enrich(self, touch: Touch, visitor: int) -> Enrichment:
        """Enrich one touch; `visitor` is its `identity.visitor_hash`."""
        [agent] = self._read([touch.user_agent])
        reasons = _CRAWLER if agent.is_crawler else 0
        if touch.hints:
            reasons |= int(_REASONS_OF_HINTS[touch.hints & 3])
        if not touch.user_agent and touch.redirect_type != "api":
            reasons |= _UA_MISSING
        country, region, city = self._geo.place(touch.ip) if touch.ip else ("", "", "")
        return Enrichment(
            country, region, city, agent.device, agent.os, agent.browser, 1 if reasons & _BOT_BITS else 0, reasons,
            visitor, self.epoch,
        )  # fmt: skip

    def columns(self, fields: Mapping[str, pa.Array], visitors: Sequence[int]) -> list[pa.Array]:
        """Enrich many touches, given and returned as columns. Each user agent and address is looked up once."""
        texts = fields["user_agent"].dictionary_encode()
        addresses = fields["ip"].dictionary_encode()
        agents = self._read(texts.dictionary.to_pylist())
        places = [self._geo.place(ip) if ip else ("", "", "") for ip in addresses.dictionary.to_pylist()]
        of_agent = texts.indices.to_numpy()
        masks = _REASONS_OF_HINTS[fields["hints"].to_numpy() & 3]
        masks |= np.array([_CRAWLER if agent.is_crawler else 0 for agent in agents], np.uint16)[of_agent]
        missing = pc.and_(pc.equal(fields["user_agent"], ""), pc.not_equal(fields["redirect_type"], "api"))
        masks[missing.to_numpy(zero_copy_only=False)] |= _UA_MISSING
        return [
            *(pa.array([place[n] for place in places], pa.string()).take(addresses.indices) for n in range(3)),
            *(pa.array([agent[n] for agent in agents], pa.string()).take(texts.indices) for n in range(3)),
            pa.array(((masks & _BOT_BITS) != 0).astype(np.uint8)),
            pa.array(masks),
            pa.array(visitors, pa.uint64()),
            pa.repeat(pa.scalar(self.epoch), len(masks)),
        ]

    def _read(self, user_agents: Sequence[str]) -> list[Agent]:
        """Read different user agents: from the cache, and together those that it lacks."""
        known = self._agents
        lacking = [user_agent for user_agent in user_agents if user_agent not in known]
        read = dict(zip(lacking, _reader()(lacking), strict=True)) if lacking else {}
        found = []
        for user_agent in user_agents:
            agent = read.get(user_agent)
            if agent is None:
                agent = known[user_agent]
                known.move_to_end(user_agent)
            found.append(agent)
        known.update(read)
        while len(known) > self._agents_max:
            known.popitem(last=False)
        return found
