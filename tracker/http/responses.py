"""Responses with a verdict: redirects and pixels with a header, JSON for postbacks, NDJSON for batches."""

from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Send

from eventlog.port import LogUnavailable
from schemas.dedup.rules import Decision
from schemas.fields import NO_DIGEST
from schemas.reasons import Reason
from tracker.click import Outcome
from tracker.http.json_answers import error_answer, json_answer
from tracker.refusal import Refusal
from tracker.request.visitor import Visitor, cookie_header

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
"""GIF of one transparent pixel, 43 bytes."""

_NO_STORE = (b"cache-control", b"no-store")
_NOT_FINAL = {"final": False}
"""Mark of an answer whose record waits in a local log: it may still become a duplicate of another edge's record."""

_NOWHERE = b"There is nothing behind this link.\n"


async def send_redirect(send: Send, outcome: Outcome, verdict: str, *, secure: bool) -> int:
    """Send a 302 to the visitor's URL, or a 404 if there is none; return the status."""
    headers = [_NO_STORE, (b"clew-verdict", verdict.encode())]
    if outcome.visitor.is_new:
        headers.append((b"set-cookie", cookie_header(outcome.visitor.id, secure=secure).encode()))
    if outcome.location:
        headers += [(b"location", outcome.location.encode()), (b"content-length", b"0")]
        return await _send(send, 302, headers, b"")
    return await send_nowhere(send, headers)


async def send_fallback(send: Send, fallback_url: str, verdict: str) -> int:
    """Send the visitor to the fallback URL, because nothing is known about the click; return the status."""
    headers = [_NO_STORE, (b"clew-verdict", verdict.encode())]
    if fallback_url:
        return await _send(send, 302, [*headers, (b"location", fallback_url.encode()), (b"content-length", b"0")], b"")
    return await send_nowhere(send, headers)


async def send_nowhere(send: Send, headers: list[tuple[bytes, bytes]]) -> int:
    length = str(len(_NOWHERE)).encode()
    headers += [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", length)]
    return await _send(send, 404, headers, _NOWHERE)


async def send_pixel(send: Send, verdict: str, visitor: Visitor | None = None, *, secure: bool = False) -> int:
    """Send the pixel, for every verdict; return the status."""
    headers = [
        _NO_STORE, (b"clew-verdict", verdict.encode()),
        (b"content-type", b"image/gif"), (b"content-length", b"43"),
    ]  # fmt: skip
    if visitor is not None and visitor.is_new:
        headers.append((b"set-cookie", cookie_header(visitor.id, secure=secure).encode()))
    return await _send(send, 200, headers, GIF)


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> int:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status


def unavailable(error: LogUnavailable) -> Response:
    """Make the 503 response: the event may be recorded or not."""
    fix = f"send it again after {error.retry_after_s} s; nothing may be assumed about this one"
    return error_answer(503, "unavailable", "", fix, {"retry-after": str(error.retry_after_s)})


def decision_answer(decision: Decision, *, test: bool, final: bool = True) -> Response:
    """Make the response to a postback with a dedup decision."""
    status = {"conflict": 409, "malformed": 400}.get(decision.verdict, 200)
    if decision.reason is Reason.STATUS_NOT_PENDING:
        status = 409
    body = verdict_of_decision(decision) | ({"test": True} if test else {}) | ({} if final else _NOT_FINAL)
    return json_answer(status, body)


def verdict_of_decision(decision: Decision) -> dict[str, Any]:
    body: dict[str, Any] = {
        "verdict": decision.verdict,
        "conversion_id": decision.issued.hex() or None,
        "status": decision.status or None,
    }
    return body | _why(decision.reason or "", decision.field, decision.detail)


def refusal_answer(refusal: Refusal, *, test: bool) -> Response:
    """Make the response to a postback that was refused before the dedup decision."""
    known = refusal.conversion_id != NO_DIGEST
    body = {
        "verdict": refusal.verdict,
        "conversion_id": refusal.conversion_id.hex() if known else None,
        "status": refusal.now or None,
    }
    body |= _why(refusal.reason, refusal.field, refusal.detail)
    return json_answer(refusal.status, body | ({"test": True} if test else {}))


def _why(reason: str, field: str, detail: str) -> dict[str, str]:
    pairs = (("reason", str(reason)), ("field", field), ("detail", detail))
    return {name: text for name, text in pairs if text}


def line_of_refusal(number: int, refusal: Refusal) -> bytes:
    """Make the answer to a line that was refused before the dedup decision."""
    return _line({"line": number, "verdict": refusal.verdict}, refusal.reason, refusal.field, refusal.detail)


def line_of_decision(number: int, decision: Decision, id_name: str, issued: str, *, final: bool = True) -> bytes:
    """Make the answer to a line with a dedup decision."""
    body: dict[str, Any] = {"line": number, "verdict": decision.verdict, id_name: issued}
    if decision.status:
        body["status"] = decision.status
    if not final:
        body |= _NOT_FINAL
    return _line(body, decision.reason or "", decision.field, decision.detail)


def _line(body: dict[str, Any], reason: str, field: str, detail: str) -> bytes:
    return orjson.dumps(body | _why(reason, field, detail), option=orjson.OPT_APPEND_NEWLINE)


def ndjson_answer(lines: list[bytes]) -> Response:
    """Make the response of a batch: one JSON object per line."""
    return Response(b"".join(lines), 200, {"cache-control": "no-store"}, "application/x-ndjson")
