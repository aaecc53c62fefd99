"""Client of the engine's API: one request at a time for each thread, with bounds on time, size and number.

A request names its scope: all data, some partners, or one partner. For one partner it carries a token that opens this
partner's data only, so the engine filters a second time.
"""

import ssl
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Any

import httpx
import orjson

from control.configuration import current_configuration
from control.engine.scope import Scope
from control.errors import FieldError, Invalid, NotFound, Unavailable
from runtime.clock import Clock, SystemClock
from runtime.control_settings import EngineSettings
from runtime.engine_key import partner_token
from runtime.logs import Throttled, logger

_log = Throttled(logger("engine_client"))
_KEPT_ANSWERS_MAX = 2_048
_KEPT_ANSWER_BYTES_MAX = 256 * 1024
_KEPT_BYTES_MAX = 16 * 1024**2
"""Bound of all kept answers, by their length as JSON: a page of the portal keeps some kilobytes for each partner."""
_NOT_SET = (
    "this process does not know the engine: set CLEW_ENGINE__URL to the address of `clew api`, and "
    "CLEW_ENGINE__KEY_FILE to the file with its key"
)

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Answer
    until_s: float
    size_bytes: int


class EngineClient:
    """The engine at one address. Threads share it."""

    def __init__(self, settings: EngineSettings, key: str, clock: Clock) -> None:
        self._settings, self._key, self._clock = settings, key, clock
        self._turns = BoundedSemaphore(settings.requests_max)
        is_tls = settings.url.startswith("https:")
        self._http = httpx.Client(
            timeout=httpx.Timeout(settings.answer_timeout_s, connect=settings.connect_timeout_ms / 1000),
            limits=httpx.Limits(max_connections=settings.requests_max),
            verify=ssl.create_default_context() if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            trust_env=False,  # a proxy must not see the key
        )
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._kept_bytes = 0
        self._lock = Lock()

    def ask(self, name: str, fields: Mapping[str, Any], scope: Scope) -> Answer:
        """Send a request and return its answer, which may be up to `answer_age_max_ms` old.

        Raises Unavailable, NotFound, Invalid.
        """
        if not self._settings.url or not self._key:
            raise Unavailable(_NOT_SET)
        wanted = {key: value for key, value in fields.items() if value is not None}
        if scope.partners is not None:
            wanted["partners"] = list(scope.partners)
        key = orjson.dumps([name, wanted, scope.partner, sorted(scope.shows)], option=orjson.OPT_SORT_KEYS)
        if (kept := self._find(key)) is not None:
            return kept
        answer, size_bytes = self._send(name, wanted, scope)
        if size_bytes <= _KEPT_ANSWER_BYTES_MAX:
            self._keep(key, answer, size_bytes)
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, name: str, fields: Mapping[str, Any], scope: Scope) -> tuple[Answer, int]:
        key = self._key if scope.partner is None else self._token(scope.partner, scope.shows)
        with self._turn(), self._errors_as_unavailable():
            request = self._http.build_request(
                "POST",
                f"{self._settings.url}/control/{name}",
                content=orjson.dumps(fields),
                headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            )
            response = self._http.send(request, stream=True)
            try:
                body = self._body(response)
            finally:
                response.close()
        return _answer(response.status_code, body), len(body)

    def _token(self, partner: int, shows: frozenset[str]) -> str:
        return partner_token(self._key, partner, self._clock.now_us() // 1_000_000, shows)

    def _body(self, response: httpx.Response) -> bytes:
        parts, size_bytes = [], 0
        for part in response.iter_bytes():
            size_bytes += len(part)
            if size_bytes > self._settings.answer_bytes_max:
                raise Unavailable(
                    f"the answer of the engine is longer than {self._settings.answer_bytes_max:,} bytes; "
                    "take a shorter period or fewer dimensions"
                )
            parts.append(part)
        return b"".join(parts)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for a turn, so that a slow engine does not take all threads of the pages."""
        if not self._turns.acquire(timeout=self._settings.answer_timeout_s):
            raise Unavailable("the engine is busy; try again in a moment")
        try:
            yield
        finally:
            self._turns.release()

    @contextmanager
    def _errors_as_unavailable(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException:
            seconds = self._settings.answer_timeout_s
            raise Unavailable(f"the engine did not answer within {seconds} s; take a shorter period") from None
        except httpx.HTTPError as error:
            _log.warning("engine_not_reached", error=f"{type(error).__name__}: {error}"[:300])
            raise Unavailable("the engine does not answer; it may be starting, try again in a moment") from None

    def _find(self, key: bytes) -> Answer | None:
        with self._lock:
            kept = self._kept.get(key)
            return kept.answer if kept is not None and self._clock.monotonic_s() < kept.until_s else None

    def _keep(self, key: bytes, answer: Answer, size_bytes: int) -> None:
        """Keep an answer; the oldest ones leave when there are too many or they are too long together."""
        age_s = self._settings.answer_age_max_ms / 1000
        with self._lock:
            if (before := self._kept.pop(key, None)) is not None:
                self._kept_bytes -= before.size_bytes
            self._kept[key] = _Kept(answer, self._clock.monotonic_s() + age_s, size_bytes)
            self._kept_bytes += size_bytes
            while len(self._kept) > _KEPT_ANSWERS_MAX or self._kept_bytes > _KEPT_BYTES_MAX:
                _, oldest = self._kept.popitem(last=False)
                self._kept_bytes -= oldest.size_bytes


def _answer(status: int, body: bytes) -> Answer:
    """Read an answer. Raises NotFound, Invalid, Unavailable."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise Unavailable(f"CLEW_ENGINE__URL is not the address of an engine: its answer ({status}) is not JSON")
    if status == 200:
        return answer
    message = str(answer.get("error", ""))[:1_000]
    if status == 404 and "exit_code" in answer:
        raise NotFound(message)
    if status == 400 and "exit_code" in answer:
        raise Invalid(FieldError(str(answer.get("field", "")), message))
    _log.warning("engine_refused", status=status, error=message)
    if status == 401:
        raise Unavailable("the engine refuses the key of this process; both need the same CLEW_ENGINE__KEY_FILE")
    raise Unavailable(f"the engine cannot answer now: {message}" if message else "the engine cannot answer now")


_clients: list[EngineClient] = []


def engine_client() -> EngineClient:
    """Return the client of this process."""
    if not _clients:
        configuration = current_configuration()
        _clients.append(EngineClient(configuration.settings.engine, configuration.engine_key, SystemClock()))
    return _clients[0]
