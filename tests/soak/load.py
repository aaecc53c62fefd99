"""Load that remembers what was answered: the oracle's own list, independent of anything that Clew stores."""

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.serving import API_KEY, BROWSER, SECRET

_LINKS = ("bl-shoes", "rr-shoes")


@dataclass
class Answered:
    """The answers that a client got and may rely on."""

    clicks: set[str] = field(default_factory=set)
    event_clicks: set[str] = field(default_factory=set)
    impressions: int = 0
    conversions: dict[str, int] = field(default_factory=dict)
    """conversion_id -> value in cents, each accepted or, after a retry, duplicate."""
    requests: int = 0
    unanswered: int = 0
    refused: int = 0
    spilled: int = 0
    """Conversions that were answered before the log had them."""
    wrong: list[str] = field(default_factory=list)


class Load:
    """A few clients that click, convert and send batches until told to stop; each request goes to any of the edges."""

    def __init__(self, urls: Sequence[str], seed: int, pause_s: float = 0.0) -> None:
        self._urls, self._seed, self._pause_s = urls, seed, pause_s
        self.answered = Answered()
        self.stopping = asyncio.Event()
        self._serial = 0

    async def run(self, clients: int = 6) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(clients):
                tasks.create_task(self._client(random.Random(f"{self._seed}-{number}"), number))

    async def _client(self, rng: random.Random, number: int) -> None:
        timeout = httpx.Timeout(15.0, connect=5.0)
        async with httpx.AsyncClient(timeout=timeout, headers={"User-Agent": BROWSER}) as http:
            while not self.stopping.is_set():
                await asyncio.sleep(self._pause_s)
                kind = rng.random()
                if kind < 0.75:
                    await self._click(http, rng)
                else:
                    await self._batch(http, rng, number)

    async def _ask(self, http: httpx.AsyncClient, method: str, path: str, **options: object) -> httpx.Response | None:
        """One request; None when no answer came, about which nothing may be assumed."""
        self.answered.requests += 1
        url = self._urls[self.answered.requests % len(self._urls)]
        try:
            return await http.request(method, url + path, **options)  # type: ignore[arg-type]
        except httpx.TransportError:
            self.answered.unanswered += 1
            await asyncio.sleep(0.05)
            return None

    async def _click(self, http: httpx.AsyncClient, rng: random.Random) -> None:
        if rng.random() < 0.15:  # the next visitor: a person clicks a few times, not thousands
            http.cookies.clear()
        response = await self._ask(http, "GET", f"/c/{rng.choice(_LINKS)}?sub1=s{rng.randrange(5)}")
        if response is None or response.headers.get("Clew-Verdict") != "accepted":
            self.answered.refused += response is not None
            return
        click_id = parse_qs(urlsplit(response.headers["Location"]).query)["cid"][0]
        self.answered.clicks.add(click_id)
        if rng.random() < 0.5:
            await self._postback(http, rng, click_id)

    async def _postback(self, http: httpx.AsyncClient, rng: random.Random, click_id: str) -> None:
        """As an advertiser's server does: the same again until it is answered; sometimes once more."""
        self._serial += 1
        cents = rng.randrange(100, 100_000)
        query = {
            "click_id": click_id, "txn_id": f"t-{self._seed}-{self._serial}", "secret": SECRET,
            "amount": f"{cents // 100}.{cents % 100:02d}",
        }  # fmt: skip
        for _ in range(400):
            response = await self._ask(http, "GET", "/postback", params=query)
            if response is None or response.status_code == 503:
                await asyncio.sleep(0.05)
                continue
            answer = response.json()
            if response.status_code != 200 or answer["verdict"] not in ("accepted", "duplicate"):
                self.answered.wrong.append(f"postback answered {response.status_code} {answer}")
                return
            self.answered.conversions[answer["conversion_id"]] = cents
            self.answered.spilled += answer.get("final") is False
            if rng.random() < 0.9:
                return

    async def _batch(self, http: httpx.AsyncClient, rng: random.Random, number: int) -> None:
        self._serial += 1
        name = f"e{self._seed}-{number}-{self._serial}"
        lines = [
            {
                "type": "click", "id": f"{name}-{i}", "ts": 1_760_000_000_000_000 + rng.randrange(10**12),
                "offer_id": 101, "partner_id": rng.choice((7, 8)), "user_id": f"u{rng.randrange(50)}",
            }
            for i in range(rng.randrange(1, 20))
        ]  # fmt: skip
        body = "\n".join(json.dumps(line) for line in lines)
        headers = {"Authorization": f"Bearer {API_KEY}"}
        for _ in range(400):
            response = await self._ask(http, "POST", "/v1/events", content=body, headers=headers)
            if response is None or response.status_code == 503:
                await asyncio.sleep(0.05)
                continue
            for line in response.text.splitlines():
                answer = json.loads(line)
                if answer["verdict"] not in ("accepted", "duplicate"):
                    self.answered.wrong.append(f"line answered {answer}")
                self.answered.event_clicks.add(answer["click_id"])
            return
