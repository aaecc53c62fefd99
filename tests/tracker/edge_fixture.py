"""An edge over a log in memory: ask it something, look at what it wrote."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote_plus, unquote, urlsplit

from starlette.types import Message

from eventlog.memory import MemoryLog, MemoryProducer
from eventlog.port import Appended, AppendResult, LogUnavailable
from program.entries import Coupon, Goal, Link, Offer, Partner, Trust
from program.program import Program
from runtime.clock import ManualClock
from runtime.settings import HttpSettings, TrackerSettings
from schemas.dedup.rules import decide
from schemas.events import HITS, Adjustment, Conversion, Event, Kind, Rejected, Touch
from schemas.values.click_id import TokenKey, TokenKeys
from schemas.wire import decode
from tests.programs import program_of_entries
from tracker.edge import CurrentProgram, EdgeDependencies
from tracker.http.app import EdgeApp

T = TypeVar("T")
NOW_US = 1_800_000_000_000_000
SECRET = "s3cret-of-101"
API_KEY = "key-for-v1-events"
KEYS = TokenKeys.of([TokenKey(1, b"k" * 32)], 1, b"h" * 32)
OTHER_KEYS = TokenKeys.of([TokenKey(1, b"x" * 32)], 1, b"h" * 32)
CHROME = b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0"

OFFERS = (
    Offer(
        101,
        "Shoes",
        "https://shop.example/?cid={click_id}&p={partner_id}&s={sub1}",
        allowed_hosts=("pay.example", "*.shop.example"),
        goals=(Goal("1", "Purchase"), Goal("lead", "Lead")),
    ),
    Offer(102, "Hats", "https://hats.example/{sub1}/x?cid={click_id}"),
    Offer(103, "Off", "https://off.example/", status="inactive"),
)
PARTNERS = (Partner(7, "Blue Lagoon"), Partner(8, "Gone", status="inactive"))
LINKS = (
    Link("bl-shoes", 101, 7),
    Link("bl-hats", 102, 7),
    Link("off-link", 101, 7, status="inactive"),
    Link("off-offer", 103, 7),
    Link("off-partner", 101, 8),
    Link("no-offer", 999, 7),
    Link("no-partner", 101, 999),
)


def program(
    *,
    fallback_url: str = "https://acme.example/none",
    trusted_proxies: tuple[str, ...] = (),
    offers: Sequence[Offer] = OFFERS,
    currency: str = "USD",
    coupons: Sequence[Coupon] = (),
    link_user_id: Trust = "untrusted",
) -> Program:
    return program_of_entries(
        currency=currency, fallback_url=fallback_url, trusted_proxies=trusted_proxies, partners=PARTNERS, offers=offers,
        links=LINKS, coupons=coupons, link_user_id=link_user_id, api_keys=("another-key", API_KEY),
        postback_secrets={101: SECRET},
    )  # fmt: skip


class ShakyProducer(MemoryProducer):
    """The log in memory, which can be made to fail or hang, and lets others run before it answers."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__(log, decide)
        self.failing: set[str] = set()
        """Of `append`, `decide:hits`, `decide:conversions`."""
        self.hanging = False
        self.trouble = ""
        self.unusual = ""
        self.final = True
        self.error: Exception = LogUnavailable("the disk is full", retry_after_s=3)
        self.dry_runs = 0

    async def append(self, topic: str, key: bytes, values: Sequence[bytes]) -> Sequence[Appended]:
        await self._maybe("append")
        return await super().append(topic, key, values)

    async def decide(
        self, topic: str, values: Sequence[bytes], *, keys: Sequence[bytes], dry_run: bool = False
    ) -> Sequence[AppendResult]:
        assert len(keys) == len(values)
        await self._maybe(f"decide:{topic}")
        self.dry_runs += dry_run
        results = await super().decide(topic, values, keys=keys, dry_run=dry_run)
        if self.final or topic == HITS:
            return results
        return [one._replace(final=one.decision.verdict != "accepted") for one in results]

    async def unhealthy_reason(self) -> str | None:
        return self.trouble

    def degraded_reason(self) -> str | None:
        return self.unusual

    async def _maybe(self, what: str) -> None:
        await asyncio.sleep(0)
        if self.hanging:
            await asyncio.Event().wait()
        if what in self.failing:
            raise self.error


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]

    @property
    def verdict(self) -> str:
        return self.headers["clew-verdict"]

    @property
    def location(self) -> str:
        return self.headers["location"]

    def param(self, name: str) -> str:
        """A parameter of the location."""
        return parse_qs(urlsplit(self.location).query, keep_blank_values=True)[name][0]


@dataclass
class Stage:
    """An edge, its clock and its log."""

    settings: TrackerSettings = field(default_factory=TrackerSettings)
    program: Program = field(default_factory=program)
    http: HttpSettings = field(default_factory=HttpSettings)

    def __post_init__(self) -> None:
        self.clock = ManualClock(NOW_US)
        self.log = MemoryLog()
        self.producer = ShakyProducer(self.log)
        self.holder = CurrentProgram(self.program)
        chance = random.Random(1)
        self.edge = EdgeDependencies(
            self.producer, self.holder, KEYS, self.clock, self.settings, chance.randbytes, self.http
        )
        self.app = EdgeApp(self.edge)

    # -- asking

    async def ask(
        self,
        method: str,
        target: str,
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes | Sequence[bytes] = b"",
        peer: str | None = "203.0.113.9",
        scheme: str = "http",
        user_agent: bytes = CHROME,
    ) -> Answer:
        raw_path, _, query = target.partition("?")
        scope = {
            "type": "http", "method": method, "path": unquote(raw_path), "raw_path": raw_path.encode(),
            "query_string": query.encode("latin-1"), "headers": [(b"user-agent", user_agent), *headers],
            "client": (peer, 4711) if peer is not None else None, "scheme": scheme, "root_path": "",
            "http_version": "1.1", "server": ("track.example", 80),
        }  # fmt: skip
        parts = [body] if isinstance(body, bytes) else list(body)
        sent: list[Message] = []

        async def receive() -> Message:
            if not parts:
                return {"type": "http.disconnect"}
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        raw = b"".join(message.get("body", b"") for message in sent[1:])
        heads = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], heads, raw)

    async def hang_up(self, path: str) -> None:
        """A POST whose client disconnects while it sends the body; nothing is answered."""
        scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": [], "client": ("203.0.113.9", 4711), "scheme": "http", "root_path": "",
        }  # fmt: skip
        parts: list[Message] = [{"type": "http.request", "body": b"a=", "more_body": True}, {"type": "http.disconnect"}]

        async def receive() -> Message:
            return parts.pop(0)

        async def send(message: Message) -> None:
            raise AssertionError(message)

        await self.app(scope, receive, send)

    def get(self, target: str, **more: Any) -> Answer:
        return run(self.ask("GET", target, **more))

    def click(self, link: str = "bl-shoes", **params: str) -> Answer:
        return self.get(f"/c/{link}?{form(params)}")

    def postback(self, **params: str) -> Answer:
        """With the right secret unless another is given; `secret=""` leaves it out."""
        return self.get(f"/postback?{form({'secret': SECRET} | params)}")

    def post(self, body: bytes | str, content_type: str, query: str = "") -> Answer:
        raw = body.encode() if isinstance(body, str) else body
        return run(self.ask("POST", f"/postback?{query}", headers=[(b"content-type", content_type.encode())], body=raw))

    def events(self, *lines: dict[str, Any] | bytes, key: str = API_KEY) -> Answer:
        body = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        return run(self.ask("POST", "/v1/events", headers=[(b"authorization", f"Bearer {key}".encode())], body=body))

    def line(self, line: dict[str, Any]) -> Any:
        """The answer to one line."""
        answer = self.events(line)
        assert answer.status == 200, answer.body
        (only,) = answer.lines
        return only

    def click_id(self, link: str = "bl-shoes") -> str:
        return self.click(link).param("cid")

    # -- looking

    def stored(self, topic: str) -> list[tuple[Kind, Event]]:
        return [decode(value) for part, values in self.log.records.items() if part.topic == topic for value in values]

    @property
    def touches(self) -> list[Touch]:
        return [event for _, event in self.stored("hits") if isinstance(event, Touch)]

    @property
    def rejected(self) -> list[Rejected]:
        return [event for _, event in self.stored("hits") if isinstance(event, Rejected)]

    @property
    def conversions(self) -> list[Conversion]:
        return [event for _, event in self.stored("conversions") if isinstance(event, Conversion)]

    @property
    def adjustments(self) -> list[Adjustment]:
        return [event for _, event in self.stored("conversions") if isinstance(event, Adjustment)]


def form(params: dict[str, str]) -> str:
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in params.items() if value != "")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def together(*works: Callable[[], Awaitable[T]]) -> list[T]:
    """The answers of all, asked at the same time."""

    async def all_of() -> list[T]:
        return list(await asyncio.gather(*(work() for work in works)))

    return asyncio.run(all_of())
