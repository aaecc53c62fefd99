"""Live traffic of `clew demo`: visitors who follow links now, and an advertiser's server that reports their orders.

It uses the same HTTP requests as real traffic: returning visitors with cookies, crawlers, privacy signals, deep
links, unknown links, and postbacks that are retried, forged or malformed.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx

from clew.demo.partners import DemoPartner
from clew.demo.program import POSTBACK_SECRET, link_code
from clew.demo.visitors import REFERRERS, Visitor, amount, visitors
from integrations.files.replay.send import Sender

AT_ONCE_MAX = 8
_RETRIES = 3
_FORGED_CLICK_ID = "A" * 36


@dataclass(slots=True)
class LiveCounts:
    """Number of answers by kind and verdict."""

    verdicts: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, verdict: str) -> None:
        self.verdicts[f"{kind}: {verdict}"] += 1


async def live_traffic(sender: Sender, chance: random.Random, visitors_count: int, first: int = 0) -> LiveCounts:
    """Send visitors, a few at a time, numbered from the first on. Raises ReplayError if Clew cannot be reached."""
    counts = LiveCounts()
    free = asyncio.Semaphore(AT_ONCE_MAX)

    async def visit(visitor: Visitor, own: random.Random) -> None:
        async with free:
            await _Visit(sender, visitor, own, counts).run()

    # Each visitor has their own random numbers, so that the order of visitors does not change what they do.
    people = [(visitor, random.Random(chance.random())) for visitor in visitors(chance, visitors_count, first)]
    async with asyncio.TaskGroup() as tasks:
        for visitor, own in people:
            tasks.create_task(visit(visitor, own))
    forged = {"click_id": _FORGED_CLICK_ID, "amount": "999.00", "secret": POSTBACK_SECRET}
    await postback(sender, counts, forged, as_json=False)
    return counts


class _Visit:
    """Follow one visitor from link to order."""

    def __init__(self, sender: Sender, visitor: Visitor, chance: random.Random, counts: LiveCounts) -> None:
        self._sender, self._visitor, self._chance, self._counts = sender, visitor, chance, counts
        self._cookie = ""
        self._click_id = ""

    async def run(self) -> None:
        for partner in self._visitor.partners:
            if self._chance.random() < partner.click_share:
                await self._click(partner)
            else:
                await self._hit("impression", f"/i/{link_code(partner, self._visitor.offer)}.gif", {})
        if self._chance.random() < 0.03:
            await self._hit("click", "/c/a-link-that-is-gone", {})
        if self._visitor.buys and self._click_id:
            await self._order()
        elif self._visitor.number % 40 == 1 and self._click_id:
            await self._postback({"click_id": self._click_id, "goal": self._visitor.offer.goal, "amount": "NaN"})

    async def _click(self, partner: DemoPartner) -> None:
        params = {"sub1": self._chance.choice(partner.placements), "sub2": f"creative-{self._chance.randint(1, 4)}"}
        dice = self._chance.random()
        host = self._visitor.offer.host
        if dice < 0.1:
            params["url"] = f"https://www.{host}/sale?cid={{click_id}}"
        elif dice < 0.12:
            params["url"] = "https://somewhere-else.example/"
        answer = await self._hit("click", f"/c/{link_code(partner, self._visitor.offer)}", params)
        location = urlsplit(answer.headers.get("location", ""))
        self._click_id = parse_qs(location.query).get("cid", [self._click_id])[0]

    async def _hit(self, kind: str, path: str, params: dict[str, str]) -> httpx.Response:
        headers = {
            "x-forwarded-for": self._visitor.ip,
            "user-agent": self._visitor.user_agent,
            "referer": self._chance.choice(REFERRERS),
            "accept-language": "en-US,en;q=0.9",
            "cookie": self._cookie,
        }
        if self._visitor.number % 9 == 0:
            headers["sec-gpc"] = "1"
        headers = {name: value for name, value in headers.items() if value}
        answer = await self._sender.ask(lambda client: client.get(path, params=params, headers=headers))
        if "set-cookie" in answer.headers and not self._visitor.is_bot:
            self._cookie = answer.headers["set-cookie"].partition(";")[0]
        self._counts.add(kind, answer.headers.get("clew-verdict", "none"))
        return answer

    async def _order(self) -> None:
        """Report an order as the advertiser's server does, sometimes twice, with its later status and refund."""
        offer = self._visitor.offer
        order = {"click_id": self._click_id, "goal": offer.goal, "txn_id": f"live-{self._visitor.number}"}
        value = amount(self._chance, offer)
        if value:
            order |= {"amount": value, "currency": "USD"}
        dice = self._chance.random()
        times = _RETRIES if dice < 0.2 else 1
        for _ in range(times):
            await self._postback(order | ({"status": "pending"} if dice > 0.7 else {}))
        if dice > 0.7:
            await self._postback(order | {"status": "approved" if dice < 0.9 else "declined"})
        elif dice > 0.6 and value:
            await self._postback(order | {"action": "refund", "refund_id": "r1", "amount": "10.00"})

    async def _postback(self, fields: dict[str, str]) -> None:
        await postback(
            self._sender, self._counts, fields | {"secret": POSTBACK_SECRET}, as_json=self._chance.random() < 0.5
        )


async def postback(sender: Sender, counts: LiveCounts, fields: dict[str, str], *, as_json: bool) -> None:
    """Send one postback, by GET or as JSON."""
    if as_json:
        answer = await sender.ask(lambda client: client.post("/postback", json=fields))
    else:
        answer = await sender.ask(lambda client: client.get("/postback", params=fields))
    counts.add("postback", answer.json().get("verdict", str(answer.status_code)))
