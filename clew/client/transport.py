"""Requests to the API: keys, retries, errors, pages. The classes of `resources` say which requests there are."""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from clew.client.errors import ClewError, Unreachable, error_of

TIMEOUT_S = 30.0
ATTEMPTS_MAX = 4
_FIRST_PAUSE_S, _PAUSE_MAX_S = 0.5, 30.0
_PREFIX = "/api/v1"
_T = TypeVar("_T")
_BUSY, _UNAVAILABLE = 429, (502, 503, 504)


class Answer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Object of the API, with what the headers say about it."""

    etag: str = ""
    """ETag of the object as it was read; empty for items of a list."""
    program_version: int = 0
    """Version of the program that the change has published; 0 if it published none."""


class Page(msgspec.Struct, Generic[_T]):
    """Page of a list."""

    items: list[_T]
    next: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the API."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    files: tuple[str, ...] = ()
    """Fields of the body that are files; the body is a form then."""
    if_match: str = ""
    idempotency_key: str | None = None
    """Text that makes repetitions harmless, made if it is empty; None for requests that take none."""

    def headers(self) -> dict[str, str]:
        """Return the headers of the request."""
        found = {"If-Match": self.if_match} if self.if_match else {}
        if self.idempotency_key is not None:
            found["Idempotency-Key"] = self.idempotency_key or str(uuid.uuid4())
        return found

    def is_safe(self) -> bool:
        """Return whether a repetition is harmless when nobody knows what became of the request."""
        return self.method == "GET" or (self.method == "POST" and self.idempotency_key is not None)


def path(template: str, *values: str | int) -> str:
    """Put values into a path."""
    return template.format(*(quote(str(value), safe="") for value in values))


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as fields; Python's keywords have a _ at the end."""
    return {name.removesuffix("_"): value for name, value in values.items()}


def key_of(row: Any, name: str) -> str | int:
    """Return the key of an object, or the key itself."""
    found: str | int = getattr(row, name) if isinstance(row, Answer) else row
    return found


def etag_of(row: Any) -> str:
    """Return the ETag to send with a change of an object; any state will do if only its key is given."""
    if not isinstance(row, Answer):
        return "*"
    if not row.etag:
        raise ClewError("this object is an item of a list and has no ETag; read it with get(), or give its key")
    return row.etag


def _parameters(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the parameters after the question mark; each entry of a map is one, such as `external_ids[crm]`."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}[{key}]", entry) for key, entry in value.items())
        elif value is not None:
            yield name, value.isoformat() if isinstance(value, date | datetime) else value


def _field(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


class _Base:
    """Parts that both kinds of clients share."""

    def __init__(self, url: str, key: str, attempts_max: int) -> None:
        self._url, self._attempts_max = url.rstrip("/") + _PREFIX, attempts_max
        self._headers = {"User-Agent": "clew-client", "Accept": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    def _options(self, call: Call) -> dict[str, Any]:
        """Return the arguments with which httpx makes the request."""
        headers = self._headers | call.headers()
        options: dict[str, Any] = {"method": call.method, "url": self._url + call.path, "headers": headers}
        if call.query:
            options["params"] = dict(_parameters(call.query))
        body = call.body
        if body is not None and call.files:
            options["files"] = {name: value for name, value in body.items() if name in call.files}
            options["data"] = {name: _field(value) for name, value in body.items() if name not in call.files}
        elif body is not None:
            options["content"] = msgspec.json.encode(body)
            headers["Content-Type"] = "application/json"
        return options

    def _pause_s(self, call: Call, attempt: int, outcome: httpx.Response | httpx.TransportError) -> float | None:
        """Return the pause before the next attempt; None if there is none."""
        if attempt >= self._attempts_max:
            return None
        pause_s = min(_PAUSE_MAX_S, _FIRST_PAUSE_S * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1)
        if isinstance(outcome, httpx.TransportError):
            return pause_s if call.is_safe() else None
        if not (outcome.status_code == _BUSY or (outcome.status_code in _UNAVAILABLE and call.is_safe())):
            return None
        wanted = outcome.headers.get("Retry-After", "")
        return min(_PAUSE_MAX_S, float(wanted)) if wanted.isascii() and wanted.isdecimal() else pause_s


def _decoded(response: httpx.Response, kind: type[_T]) -> _T:
    """Return the content of an answer. Raises ApiError, ClewError."""
    if not response.is_success:
        raise error_of(response.status_code, response.content)
    if kind is bytes:
        return response.content  # type: ignore[return-value]
    if kind is type(None):
        return None
    try:
        found = msgspec.json.decode(response.content, type=kind)
    except msgspec.DecodeError as error:
        raise ClewError(f"the answer of the server cannot be read: {error}") from None
    if isinstance(found, Answer):
        found.etag = response.headers.get("ETag", "")
        found.program_version = int(response.headers.get("Clew-Program-Version", 0))
    return found


class Transport(_Base):
    """Sends requests, and repeats them where that is safe."""

    def __init__(self, http: httpx.Client, url: str, key: str, attempts_max: int) -> None:
        super().__init__(url, key, attempts_max)
        self._http = http

    def call(self, kind: type[_T], call: Call) -> _T:
        """Return the answer to a request. Raises ApiError, Unreachable."""
        options, attempt = self._options(call), 0
        while True:
            attempt += 1
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = self._http.request(**options)
            except httpx.TransportError as error:
                outcome = error
            pause_s = self._pause_s(call, attempt, outcome)
            if pause_s is not None:
                time.sleep(pause_s)
            elif isinstance(outcome, httpx.Response):
                return _decoded(outcome, kind)
            else:
                raise Unreachable(f"{self._url} gave no answer: {outcome}") from outcome


class AsyncTransport(_Base):
    """Sends requests under asyncio, and repeats them where that is safe."""

    def __init__(self, http: httpx.AsyncClient, url: str, key: str, attempts_max: int) -> None:
        super().__init__(url, key, attempts_max)
        self._http = http

    async def call(self, kind: type[_T], call: Call) -> _T:
        """Return the answer to a request. Raises ApiError, Unreachable."""
        options, attempt = self._options(call), 0
        while True:
            attempt += 1
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = await self._http.request(**options)
            except httpx.TransportError as error:
                outcome = error
            pause_s = self._pause_s(call, attempt, outcome)
            if pause_s is not None:
                await asyncio.sleep(pause_s)
            elif isinstance(outcome, httpx.Response):
                return _decoded(outcome, kind)
            else:
                raise Unreachable(f"{self._url} gave no answer: {outcome}") from outcome


@dataclass(frozen=True, slots=True)
class Pages(Generic[_T]):
    """A list: all its items in turn, read page by page while somebody iterates."""

    transport: Transport
    kind: type[_T]
    at: Call

    def __iter__(self) -> Iterator[_T]:
        for page in self.pages():
            yield from page.items

    def pages(self) -> Iterator[Page[_T]]:
        """Iterate over the pages. Raises ApiError, Unreachable."""
        query = dict(self.at.query)
        while True:
            page = self.transport.call(Page[self.kind], Call("GET", self.at.path, query))  # type: ignore[name-defined]
            yield page
            if page.next is None:
                return
            query["cursor"] = page.next


@dataclass(frozen=True, slots=True)
class AsyncPages(Generic[_T]):
    """A list: all its items in turn, read page by page while somebody iterates."""

    transport: AsyncTransport
    kind: type[_T]
    at: Call

    async def __aiter__(self) -> AsyncIterator[_T]:
        async for page in self.pages():
            for item in page.items:
                yield item

    async def pages(self) -> AsyncIterator[Page[_T]]:
        """Iterate over the pages. Raises ApiError, Unreachable."""
        query = dict(self.at.query)
        while True:
            page = await self.transport.call(Page[self.kind], Call("GET", self.at.path, query))  # type: ignore[name-defined]
            yield page
            if page.next is None:
                return
            query["cursor"] = page.next
