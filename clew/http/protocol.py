"""HTTP/1.1 protocol of every port: uvicorn's, with limits that apply while a request is read.

Memory per connection is bounded by one read of the transport (256 KiB), the limits of one head, and the bodies that
the application reads. A request over a limit is answered as soon as the limit is passed; what follows is discarded
for a moment, so that the client can read the answer, then the connection is closed.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from clew.http.refusals import CHUNK_LINE, HOST, MALFORMED, PIPELINE, TRAILERS, VERSION, HttpLimits, Refusal
from runtime import metrics
from runtime.logs import Throttled, logger
from schemas.values.ip_addresses import truncated

_log = Throttled(logger("http"))

CHUNK_LINE_BYTES_MAX = 16_384
"""Longest part of a body without data: the size line of a chunk, with its extensions."""
BODY_SLICE_BYTES_MAX = 65_536
"""Most body bytes given to the parser at once."""
LINGER_BYTES_MAX = 1_048_576
LINGER_S = 1.0
"""Bytes and seconds that a refused client may continue to send before the connection is closed."""
REQUEST_LINE_REST_BYTES_MAX = 64
"""Most bytes of a request line, without its target."""

_RAW = re.compile(rb"[^\x21-\x7e]")
_UPGRADE = re.compile(rb"^upgrade(?=:)", re.IGNORECASE | re.MULTILINE)

OnRefused = Callable[[dict[str, Any], str], Awaitable[None]]
"""Callback that records a request refused while it was read: the scope as far as known, and the field."""


class HttpConfig(Config):
    """Configuration of uvicorn, with the limits of connections."""

    limits: HttpLimits = HttpLimits()
    on_refused: OnRefused | None = None

    make_room: Callable[[], None] = staticmethod(lambda: None)
    """Callback for each new connection."""


class _State(Enum):
    START = auto()
    """Between requests."""
    HEAD = auto()
    BODY = auto()
    REFUSED = auto()


class _Flow(FlowControl):
    """Flow control that keeps reading paused while requests wait."""

    held = False

    def resume_reading(self) -> None:
        if not self.held:
            super().resume_reading()


class _RefuseInCallback(Exception):
    """Exception that stops the parser from one of its callbacks."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.error)
        self.refusal = refusal


class BoundedProtocol(HttpToolsProtocol):
    """Protocol of one connection."""

    config: HttpConfig
    flow: _Flow

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = self.config.limits
        self._state = _State.START
        self._held = b""
        """Bytes that are read but not parsed: an incomplete request line, or requests over the pipeline limit."""
        self._line = b""
        """Start of the latest request line."""
        self._tail = b""
        """Last bytes of an incomplete head, in case its end is split over two reads."""
        self._head_bytes = 0
        self._quiet_bytes = 0
        self._lingered_bytes = 0
        self._farewell: Refusal | None = None
        self._in_callback: Refusal | None = None
        self.active_s = self.loop.time()
        """Time at which the connection last received a byte or finished a response."""
        self.head_started_s: float | None = self.active_s
        """Time at which the incomplete head began; for a new connection, the time of the connection."""

    # ------------------------------------------------------------------------------------------------ connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self.config.make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._state, self._held = _State.REFUSED, b""
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Return whether no request is being answered; a head may be incomplete."""
        if self.transport.is_closing():
            return False
        cycle: RequestResponseCycle | None = self.cycle
        return not self.pipeline and (cycle is None or cycle.response_complete)

    def close_if_overdue(self, now_s: float, idle_timeout_s: float) -> str:
        """Close the connection if its head is late or it was idle for too long; return the reason, or ""."""
        if self.flow.write_paused and now_s - self.active_s >= idle_timeout_s:
            self.transport.abort()
            return "response_unread"
        if not self.is_idle or self._farewell is not None:
            return ""
        if self.head_started_s is not None:
            if now_s - self.head_started_s < self._limits.head_timeout_s:
                return ""
            reason = "head_timeout"
        elif now_s - self.active_s < idle_timeout_s:
            return ""
        else:
            reason = "idle_timeout"
        self.close_now()
        return reason

    def close_now(self) -> None:
        """Close at once. For connections that answer no request."""
        self._state, self._held = _State.REFUSED, b""
        self.transport.close()

    # --------------------------------------------------------------------------------------------------- reading

    def data_received(self, data: bytes) -> None:
        self.active_s = self.loop.time()
        if self._state is _State.REFUSED:
            self._linger(data)
            return
        if self._held:
            data, self._held = self._held + data, b""
        self._read(data)

    def _read(self, data: bytes) -> None:
        """Give the parser the bytes that may be parsed now; keep the rest."""
        while data and self._state is not _State.REFUSED:
            if self._state is _State.START:
                if len(self.pipeline) >= self._limits.pipelined_requests_max:
                    self._held, self.flow.held = data, True
                    self.flow.pause_reading()
                    return
                data = self._read_start(data)
            elif self._state is _State.HEAD:
                data = self._read_head(data)
            else:
                self._read_body(data[:BODY_SLICE_BYTES_MAX])
                data = data[BODY_SLICE_BYTES_MAX:]

    def _read_start(self, data: bytes) -> bytes:
        """Parse a request line and the head as far as it was received; return the bytes after the head."""
        if data[0] in b"\r\n":  # RFC 9112 2.2: a server ignores empty lines before a request
            return data.lstrip(b"\r\n")
        if self.head_started_s is None:
            self.head_started_s = self.active_s
        eol = data.find(b"\n")
        line = data[:eol] if eol >= 0 else data
        self._line = line[:256]
        if len(line) > self._limits.url_bytes_max and not self._check_target(line, whole=eol >= 0):
            return b""
        if eol < 0:
            self._held = data
            return b""
        if not line.isascii() or line.count(b" ") != 2:
            data = _repaired(line) + data[eol:]
            eol = data.find(b"\n")
        self._state, self._head_bytes, self._tail = _State.HEAD, -eol - 1, b""
        return self._read_head(data)

    def _read_head(self, data: bytes) -> bytes:
        """Parse up to the end of the head; return the bytes after it."""
        room = self._limits.header_bytes_max - self._head_bytes + 1
        end = (self._tail + data).find(b"\r\n\r\n") if self._tail else data.find(b"\r\n\r\n")
        stop = min(end + 4 - len(self._tail), room) if end >= 0 else min(len(data), room)
        head, rest = data[:stop], data[stop:]
        self._head_bytes += stop
        self._tail = (self._tail + head)[-3:]
        if b"pgrade:" in head:  # ignored (RFC 9110 7.8): the parser would take the body for another protocol
            head = _UPGRADE.sub(b"ignored-upgrade", head)
        self._feed(head)
        if self._state is _State.HEAD and self._head_bytes > self._limits.header_bytes_max:
            fix = f"send at most {self._limits.header_bytes_max} bytes of headers"
            self._refuse(Refusal(431, "headers_too_large", "headers", fix))
        return rest

    def _check_target(self, line: bytes, *, whole: bool) -> bool:
        """Return whether the target, as far as it was received, is within its limit."""
        method_bytes = line.find(b" ") + 1
        rest = len(line.rstrip(b"\r")) - line.rfind(b" ") if whole else 0
        if len(line) - method_bytes - rest <= self._limits.url_bytes_max:
            return True
        fix = f"send a URL of at most {self._limits.url_bytes_max} bytes; postbacks may put fields into the body"
        self._state = _State.HEAD
        self.on_message_begin()
        self._refuse(Refusal(414, "url_too_long", "url", fix))
        return False

    def _read_body(self, data: bytes) -> None:
        self._quiet_bytes += len(data)
        self._feed(data)
        if self._state is _State.BODY and self._quiet_bytes > CHUNK_LINE_BYTES_MAX:
            self._refuse(CHUNK_LINE)

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # CONNECT, or an Upgrade header that came in pieces
            self.cycle.keep_alive, self._state = False, _State.REFUSED
        except httptools.HttpParserError:
            refusal, self._in_callback = self._in_callback, None
            self._refuse(refusal or MALFORMED)

    def _linger(self, data: bytes) -> None:
        self._lingered_bytes += len(data)
        if self._lingered_bytes > LINGER_BYTES_MAX:
            self.transport.close()

    # ------------------------------------------------------------------------------------------ parser callbacks

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._state is _State.START:  # another request follows a body in the same bytes
            self._head_bytes, self._tail, self._line = 0, b"", b""
        self._state = _State.HEAD
        if self.head_started_s is None:
            self.head_started_s = self.active_s

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._state is _State.BODY:
            self._stop_parser(TRAILERS)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            self._stop_parser(VERSION)
        hosts = [name for name, _ in self.headers].count(b"host")  # uvicorn has put the names into lower case
        if hosts > 1 or (not hosts and version == "1.1"):
            self._stop_parser(HOST)
        if len(self.pipeline) >= 2 * self._limits.pipelined_requests_max:
            self._stop_parser(PIPELINE)
        self._state, self._quiet_bytes, self.head_started_s = _State.BODY, 0, None
        super().on_headers_complete()
        if self.pipeline:
            self.flow.held = True

    def on_body(self, body: bytes) -> None:
        self._quiet_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._state = _State.START
        super().on_message_complete()

    def _stop_parser(self, refusal: Refusal) -> None:
        self._in_callback = refusal
        raise _RefuseInCallback(refusal)

    # -------------------------------------------------------------------------------------------------- answering

    def on_response_complete(self) -> None:
        """Start the next waiting request, or continue to read. The server's sweep closes idle connections."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.active_s = self.loop.time()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._farewell is not None:
            self._say_farewell(self._farewell)
            return
        if len(self.pipeline) <= self._limits.pipelined_requests_max // 2:
            self._read_on()

    def _read_on(self) -> None:
        self.flow.held = False
        if self._held and self._state is _State.START:
            data, self._held = self._held, b""
            self._read(data)
        if not self.flow.held:
            self.flow.resume_reading()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer with an error after the requests before it are answered, and close."""
        was, self._state, self._held = self._state, _State.REFUSED, b""
        metrics.count("clew_http_refused_total", error=refusal.error)
        client = self.client[0] if self.client else ""
        shown = truncated(client) if self.config.limits.truncate_ip else client
        _log.warning("request_refused", error=refusal.error, client=shown)
        if self.config.on_refused is not None and self.scope is not None:
            task = self.loop.create_task(_record(self.config.on_refused, self._scope_so_far(), refusal.field))
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)
        if was is _State.BODY and not self._abandon_cycle():
            self.transport.close()
        elif self.is_idle:
            self._say_farewell(refusal)
        else:
            self._farewell = refusal

    def _scope_so_far(self) -> dict[str, Any]:
        """Return the scope of the refused request, with as much of the path as names the route."""
        method, _, target = self._line.partition(b" ")
        path = re.split(rb"[? ]", target, maxsplit=1)[0].decode("latin-1") or "/"
        return {**self.scope, "method": method.decode("latin-1") or "GET", "path": path, "query_string": b""}

    def _abandon_cycle(self) -> bool:
        """Take back the request whose body is refused; return False if its response has begun."""
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
            return True
        if self.cycle.response_started:
            return False
        self.cycle.disconnected = self.cycle.response_complete = True
        self.cycle.message_event.set()
        return True

    def _say_farewell(self, refusal: Refusal) -> None:
        self._farewell = refusal
        if self.transport.is_closing():
            return
        self.transport.write(refusal.response())
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.held = False
        self.flow.resume_reading()
        self.loop.call_later(LINGER_S, self.transport.close)


async def _record(on_refused: OnRefused, scope: dict[str, Any], field: str) -> None:
    try:
        await on_refused(scope, field)
    except Exception as error:  # noqa: BLE001 - the client has its answer; an error here must not end the server
        _log.warning("refusal_unrecorded", field=field, error=f"{type(error).__name__}: {error}")


def _repaired(line: bytes) -> bytes:
    """Percent-encode raw spaces and bytes that are not ASCII in the target of a request line."""
    method, _, rest = line.rstrip(b"\r").partition(b" ")
    target, _, version = rest.rpartition(b" ")
    if not target or not version.startswith(b"HTTP/"):
        return line
    encoded = _RAW.sub(lambda match: match[0] if match[0] < b" " else b"%%%02X" % match[0][0], target)
    return b"%s %s %s\r" % (method, encoded, version)
