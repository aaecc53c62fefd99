"""Limits of a connection, and error answers to requests that break them."""

from dataclasses import dataclass

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of one connection."""

    url_bytes_max: int = 8_192
    header_bytes_max: int = 16_384
    connections_max: int = 10_000
    pipelined_requests_max: int = 16
    head_timeout_s: float = 10.0
    idle_timeout_s: float = 60.0
    crowded_idle_timeout_s: float = 15.0
    truncate_ip: bool = False
    """Log the network of a client instead of its address."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Error response that is sent before the application sees the request."""

    status: int
    error: str
    field: str
    fix: str

    def response(self) -> bytes:
        """Return the whole response, in the form of all other errors."""
        body = orjson.dumps({"error": self.error, "field": self.field, "fix": self.fix}) + b"\n"
        headers = b"content-type: application/json\r\ncache-control: no-store\r\nconnection: close\r\ncontent-length: "
        return b"%s%s%d\r\n\r\n%s" % (STATUS_LINE[self.status], headers, len(body), body)


TRAILERS = Refusal(400, "trailers_refused", "body", "send the body without trailers")
CHUNK_LINE = Refusal(400, "chunk_line_too_long", "body", "send chunks without extensions")
VERSION = Refusal(400, "version_unsupported", "request", "speak HTTP/1.1")
HOST = Refusal(400, "host_invalid", "host", "send exactly one Host header")
PIPELINE = Refusal(400, "pipeline_too_long", "request", "wait for responses before sending more requests")
MALFORMED = Refusal(400, "malformed_request", "request", "send a request that follows HTTP/1.1 (RFC 9112)")
