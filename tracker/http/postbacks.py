"""Postbacks: read, decide, append, answer (docs/contract.md, section 2.1)."""

from starlette.requests import Request
from starlette.responses import Response

from eventlog.port import AppendResult, LogUnavailable
from runtime import metrics
from schemas.dedup.rules import Decision
from schemas.events import CONVERSIONS, Kind
from schemas.wire import kind_of
from tracker.http import responses
from tracker.http.absent import note_absent
from tracker.http.clicks import method_not_allowed
from tracker.http.context import EdgeContext, key_of
from tracker.http.limits import TooLarge, TooSlow, read_body, too_large_answer, too_slow_answer
from tracker.offers.program_index import ProgramIndex
from tracker.postback.decide import PendingPostback, is_test, read_postback, topic_of
from tracker.postback.draft import PostbackContext
from tracker.postback.fields import ID_FIELDS, Sent, read_sent
from tracker.refusal import Refusal, refusal_of, with_ids
from tracker.rejected_event import rejected_event
from tracker.request.hit import Hit

METHODS = ("GET", "POST")
"""Allowed methods. The endpoint checks them, because a route for GET would also take HEAD."""


class PostbackEndpoint:
    def __init__(self, context: EdgeContext) -> None:
        self._context = context

    async def __call__(self, request: Request) -> Response:
        if request.method not in METHODS:
            return method_not_allowed("GET, POST")
        program = self._context.program
        hit = self._context.hit(request.scope, program, with_params=False)
        try:
            sent = await self._read(request)
            self._drop_absent(sent, hit)
            return await self._settle(sent, hit, program)
        except TooLarge as error:
            await self._context.refused_while_read(request.scope, "body")
            return too_large_answer(error)
        except TooSlow:
            return too_slow_answer()
        except LogUnavailable as error:
            return responses.unavailable(error)

    async def _read(self, request: Request) -> Sent:
        query, get, settings = request.scope["query_string"], request.headers.get, self._context.settings
        if request.method == "GET":
            return read_sent(query, b"", "")
        bytes_max, timeout_ms = settings.postback_body_bytes_max, settings.body_timeout_ms
        body = await read_body(request.scope, request.receive, bytes_max, timeout_ms)
        return read_sent(query, body, get("content-type", ""), get("content-encoding", ""))

    def _drop_absent(self, sent: Sent, hit: Hit) -> None:
        absent = self._context.absent.drop(sent.fields, ID_FIELDS)
        if absent:
            note_absent("postback", f"{hit.ip} offer {sent.fields.get('offer_id', '')[:16]}", absent)

    async def _settle(self, sent: Sent, hit: Hit, program: ProgramIndex) -> Response:
        test = is_test(sent.fields)
        read = sent.problem or read_postback(sent.fields, self._terms(hit, program))
        settled = await self._decide(read, test=test) if isinstance(read, PendingPostback) else read
        result = settled.decision if isinstance(settled, AppendResult) else settled
        if not test:
            await self._record(read, result, sent, hit, program)
        if isinstance(settled, Refusal):
            return responses.refusal_answer(settled, test=test)
        return responses.decision_answer(settled.decision, test=test, final=test or settled.final)

    def _terms(self, hit: Hit, program: ProgramIndex) -> PostbackContext:
        keys, settings = self._context.edge.keys, self._context.settings
        return PostbackContext(program, keys, hit.ts, hit.ip, settings.field_bytes_max, settings.custom_fields_max)

    async def _decide(self, candidate: PendingPostback, *, test: bool) -> AppendResult | Refusal:
        """Decide on a postback. A test, or one that can only repeat a stored conversion, is a dry run first."""
        value, key = self._context.recorder.encoded(candidate.kind, candidate.event), candidate.event.conversion_id
        if candidate.refusal_if_new is not None or test:
            (tried,) = await self._context.recorder.decide(CONVERSIONS, (value,), (key,), dry_run=True)
            record = tried.decision.record
            makes_conversion = record is not None and kind_of(record) is Kind.CONVERSION
            if candidate.refusal_if_new is not None and makes_conversion:
                if not tried.final:
                    raise LogUnavailable("the conversion may wait in the local log of another edge")
                return candidate.refusal_if_new
            if test:
                return tried
        (result,) = await self._context.recorder.decide(CONVERSIONS, (value,), (key,))
        return result

    async def _record(
        self, read: PendingPostback | Refusal, result: Decision | Refusal, sent: Sent, hit: Hit, program: ProgramIndex
    ) -> None:
        """Count the verdict, and store the postback if it was refused."""
        topic, refusal = topic_of(sent.fields), refusal_of(result)
        if refusal is None:
            metrics.count("clew_hits_total", kind=topic, verdict=result.verdict)
            return
        refusal = with_ids(refusal, read.offer_id, read.partner_id)
        event = rejected_event(topic, refusal, hit, sent.fields, program)
        await self._context.recorder.rejected((event,), key_of(hit))
        metrics.count("clew_hits_total", kind=topic, verdict=refusal.reason.value)
