"""Clicks and pixels: read, decide, append, answer.

Plain ASGI, because they are most of the traffic. A visitor is answered even if an unexpected error occurs.
"""

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runtime import metrics
from runtime.logs import Throttled, logger
from schemas.events import Kind
from tracker.click import ClickContext, Outcome, decide_hit
from tracker.http import responses
from tracker.http.absent import note_absent
from tracker.http.context import EdgeContext
from tracker.http.json_answers import error_answer
from tracker.http.recorder import UNRECORDED
from tracker.http.routes import CLICK, IMPRESSION
from tracker.offers.program_index import ProgramIndex
from tracker.request.text import clean, trimmed

_log = Throttled(logger("tracker"))
_METHODS = ("GET", "HEAD")


class HitEndpoints:
    """Endpoints of links and pixels. Each returns the status that it answered with."""

    def __init__(self, context: EdgeContext) -> None:
        self._context = context
        self._decision = self._context_of(context.program)
        """Context of decisions under the latest program."""

    async def click(self, scope: Scope, receive: Receive, send: Send) -> int:
        if scope["method"] not in _METHODS:
            return await _method_not_allowed(scope, receive, send)
        program = self._context.program
        try:
            hit = self._context.hit(scope, program, with_params=True)
            outcome = decide_hit(Kind.CLICK, clean(scope["path"][len(CLICK.path) :]), hit, self._click_context(program))
            verdict = await self._context.recorder.hit(outcome)
            _note_absent(outcome)
        except Exception:  # noqa: BLE001 - a visitor is sent on whatever it was
            _failed(Kind.CLICK)
            return await responses.send_fallback(send, program.fallback_url, UNRECORDED)
        metrics.count("clew_hits_total", kind="click", verdict=verdict)
        return await responses.send_redirect(send, outcome, verdict, secure=hit.is_https)

    async def impression(self, scope: Scope, receive: Receive, send: Send) -> int:
        if scope["method"] not in _METHODS:
            return await _method_not_allowed(scope, receive, send)
        program, code = self._context.program, pixel_code(scope["path"][len(IMPRESSION.path) :])
        try:
            hit = self._context.hit(scope, program, with_params=True)
            outcome = decide_hit(Kind.IMPRESSION, code, hit, self._click_context(program))
            verdict = await self._context.recorder.hit(outcome)
            _note_absent(outcome)
        except Exception:  # noqa: BLE001 - a page shows its pixel whatever it was
            _failed(Kind.IMPRESSION)
            return await responses.send_pixel(send, UNRECORDED)
        metrics.count("clew_hits_total", kind="impression", verdict=verdict)
        return await responses.send_pixel(send, verdict, outcome.visitor, secure=hit.is_https)

    def _click_context(self, program: ProgramIndex) -> ClickContext:
        if self._decision.program is not program:
            self._decision = self._context_of(program)
        return self._decision

    def _context_of(self, program: ProgramIndex) -> ClickContext:
        edge, settings = self._context.edge, self._context.settings
        bytes_max, chars_max = settings.field_bytes_max, 2 * settings.url_bytes_max
        return ClickContext(program, edge.keys, edge.random_bytes, bytes_max, chars_max, self._context.absent)


def _note_absent(outcome: Outcome) -> None:
    if outcome.absent:
        note_absent(outcome.kind.name.lower(), f"link {outcome.event.link[:128]}", outcome.absent)


def pixel_code(path: str) -> str:
    """Return the code in the path of a pixel, without `.gif` in any case and what may follow it."""
    code = trimmed(clean(path)).rstrip("/")
    return code[:-4] if code[-4:].lower() == ".gif" else code


def _failed(kind: Kind) -> None:
    """Log and count an unexpected error: a bug, or an error that the log's interface does not allow."""
    _log.exception("hit_failed", kind=kind.name.lower())
    metrics.count("clew_clicks_unrecorded_total")
    metrics.count("clew_hits_total", kind=kind.name.lower(), verdict=UNRECORDED)


def method_not_allowed(allow: str) -> Response:
    return error_answer(405, "method_not_allowed", "method", f"use {allow}", {"allow": allow})


async def _method_not_allowed(scope: Scope, receive: Receive, send: Send) -> int:
    answer = method_not_allowed("GET, HEAD")
    await answer(scope, receive, send)
    return answer.status_code
