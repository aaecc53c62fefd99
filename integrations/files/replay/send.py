"""Send lines and hits to a running Clew over HTTP, and retry until they are answered or the time is up.

Only temporary failures are retried: no connection, 429, 5xx. /v1/events recognises repeated lines by their ids; a hit
whose answer was lost may be counted twice.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
import msgspec

from integrations.files.lines import EventLine, LiveHit
from runtime.clock import Clock

RETRY_FOR_S = 120.0
CONNECT_FOR_S = 10.0
_BACKOFF_MIN_S = 0.2
_BACKOFF_MAX_S = 5.0
_RETRY_AFTER_MAX_S = 30.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
UNRECORDED = "unrecorded"
"""Verdict of a visitor who was redirected although the click could not be recorded."""

Sleep = Callable[[float], Awaitable[None]]
Request = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


class ReplayError(Exception):
    """Error that ends a replay; the message says why and what to do."""


class BadOrder(ReplayError):
    """Error for options that cannot be honoured; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer of Clew to one line or hit."""

    line: int
    verdict: str
    why: str = ""
    conversion_id: str = ""


class _LineAnswer(msgspec.Struct):
    verdict: str
    reason: str = ""
    field: str = ""
    detail: str = ""
    conversion_id: str = ""


_answers = msgspec.json.Decoder(_LineAnswer)


class Sender:
    """Connections to one Clew. Use it in an `async with`."""

    def __init__(
        self,
        to: str,
        api_key: str,
        clock: Clock,
        *,
        connections_max: int,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        retry_for_s: float = RETRY_FOR_S,
    ) -> None:
        self._to = to.rstrip("/")
        self._api_key = api_key
        self._clock, self._sleep, self._retry_for_s = clock, sleep, retry_for_s
        self.retries = 0
        # One client with one connection for each request in flight: the pool of a single client searches all of its
        # connections at every request, which took longer than sending.
        self._lanes: asyncio.Queue[httpx.AsyncClient] = asyncio.Queue()
        self._clients = _clients(self._to, connections_max, transport)
        for client in self._clients:
            self._lanes.put_nowait(client)

    async def __aenter__(self) -> "Sender":
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.aclose()

    async def installation(self) -> str:
        """Wait until Clew is ready; return the id of the installation, "" if unknown. Raises ReplayError."""
        answer = await self.ask(lambda client: client.get("/readyz"), CONNECT_FOR_S)
        return str(answer.headers.get("clew-installation", ""))

    async def events(self, batch: list[EventLine]) -> list[Answer]:
        """Send lines to /v1/events; return the answers in the same order. Raises ReplayError."""
        body = b"\n".join(line.body for line in batch)
        headers = {"authorization": f"Bearer {self._api_key}", "content-type": "application/x-ndjson"}
        answer = await self.ask(lambda client: client.post("/v1/events", content=body, headers=headers))
        if answer.status_code == 413:
            if len(batch) == 1:
                return [Answer(batch[0].line, "too_large", "the line is longer than the limit of Clew")]
            half = len(batch) // 2
            return await self.events(batch[:half]) + await self.events(batch[half:])
        if answer.status_code in (401, 403):
            raise ReplayError(f"{self._to} refuses the API key; give one of the program's api_keys")
        if answer.status_code != 200:
            raise self._unexpected(answer)
        texts = answer.content.splitlines()
        if len(texts) != len(batch):
            raise ReplayError(f"{self._to} answered {len(texts)} of {len(batch)} lines; check that --to is a Clew")
        try:
            return [_line_answer(line.line, text) for line, text in zip(batch, texts, strict=True)]
        except msgspec.DecodeError as error:
            raise ReplayError(
                f"{self._to} answered something other than a verdict: {error}; check that --to is a Clew"
            ) from None

    async def hit(self, hit: LiveHit) -> Answer:
        """Send one click or impression; return its verdict. Raises ReplayError."""
        give_up_at_s = self._clock.monotonic_s() + self._retry_for_s
        while True:
            answer = await self.ask(lambda client: client.get(hit.path, params=hit.params, headers=hit.headers))
            verdict = answer.headers.get("clew-verdict", "")
            if verdict != UNRECORDED or self._clock.monotonic_s() > give_up_at_s:
                break
            self.retries += 1
            await self._sleep(_BACKOFF_MAX_S)
        if answer.status_code in (414, 431):
            return Answer(hit.line, "too_large", "the URL or its headers are longer than the limit of Clew")
        if not verdict:
            raise self._unexpected(answer)
        return Answer(hit.line, verdict, f"GET {hit.path} answered {answer.status_code}")

    def _unexpected(self, answer: httpx.Response) -> ReplayError:
        body = " ".join(answer.text[:200].split())
        return ReplayError(f"{self._to} answered {answer.status_code}: {body or 'nothing'}; check that --to is a Clew")

    async def ask(self, request: Request, retry_for_s: float | None = None) -> httpx.Response:
        """Send a request until the answer is not a temporary failure; return that answer. Raises ReplayError."""
        give_up_at_s = self._clock.monotonic_s() + (self._retry_for_s if retry_for_s is None else retry_for_s)
        backoff_s = _BACKOFF_MIN_S
        while True:
            wait_s = backoff_s
            try:
                answer = await self._once(request)
                if answer.status_code not in _PASSING:
                    return answer
                failure = f"answers {answer.status_code}"
                wait_s = max(wait_s, _retry_after_s(answer))
            except (httpx.TransportError, OSError) as error:
                failure = f"cannot be reached: {str(error) or type(error).__name__}"
            if self._clock.monotonic_s() + wait_s > give_up_at_s:
                raise ReplayError(f"{self._to} {failure}; when it runs again, the same command continues from here")
            self.retries += 1
            await self._sleep(wait_s)
            backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)

    async def _once(self, request: Request) -> httpx.Response:
        client = await self._lanes.get()
        try:
            return await request(client)
        finally:
            self._lanes.put_nowait(client)


def _clients(to: str, count: int, transport: httpx.AsyncBaseTransport | None) -> list[httpx.AsyncClient]:
    certificates = httpx.create_ssl_context(trust_env=False)  # once, since reading them takes longer than a request
    clients = [
        httpx.AsyncClient(
            base_url=to,
            transport=transport,
            timeout=httpx.Timeout(30.0, connect=5.0),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            # Each hit is another visitor, so the cookie of one must not be sent with the next.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            verify=certificates,
            trust_env=False,
        )
        for _ in range(count)
    ]
    for client in clients:
        client.headers.pop("user-agent", None)  # a hit whose browser is unknown must not get ours
    return clients


def _retry_after_s(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), _RETRY_AFTER_MAX_S) if text.isascii() and text.isdigit() else 0.0


def _line_answer(line: int, text: bytes) -> Answer:
    answer = _answers.decode(text)
    reason = answer.reason if answer.reason != answer.verdict else ""  # both are "malformed" for a malformed line
    why = ": ".join(part for part in (reason, answer.field, answer.detail) if part)
    return Answer(line, answer.verdict, why, answer.conversion_id)
