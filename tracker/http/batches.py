"""Batches on /v1/events: key, body, lines, answers (docs/contract.md, section 2.2)."""

from starlette.requests import Request
from starlette.responses import Response

from eventlog.port import LogUnavailable
from tracker import secrets
from tracker.http import responses
from tracker.http.batch_lines import Batch, LinesTooMany
from tracker.http.context import EdgeContext
from tracker.http.json_answers import error_answer
from tracker.http.limits import TooLarge, TooSlow, read_body, too_large_answer, too_slow_answer
from tracker.lines.events import LineContext
from tracker.offers.program_index import ProgramIndex
from tracker.request.hit import Hit


class EventsEndpoint:
    def __init__(self, context: EdgeContext) -> None:
        self._context = context

    async def __call__(self, request: Request) -> Response:
        program = self._context.program
        given = secrets.bearer_of(request.headers.get("authorization", ""))
        if not secrets.is_one_of(given, program.program.secrets.api_keys):
            fix = "send Authorization: Bearer KEY with one of the program's api_keys"
            return error_answer(401, "unauthorized", "authorization", fix, {"www-authenticate": "Bearer"})
        if request.headers.get("content-encoding", "identity") != "identity":
            return error_answer(415, "encoded", "content-encoding", "send the body uncompressed")
        try:
            return await self._settle(request, program)
        except TooLarge as error:
            await self._context.refused_while_read(request.scope, "body")
            return too_large_answer(error)
        except LinesTooMany as error:
            await self._context.refused_while_read(request.scope, "lines")
            fix = f"send at most {error.lines_max} lines at once"
            return error_answer(413, "lines_too_many", "lines", fix)
        except TooSlow:
            return too_slow_answer()
        except LogUnavailable as error:
            return responses.unavailable(error)

    async def _settle(self, request: Request, program: ProgramIndex) -> Response:
        settings = self._context.settings
        bytes_max, timeout_ms = settings.batch_body_bytes_max, settings.body_timeout_ms
        body = await read_body(request.scope, request.receive, bytes_max, timeout_ms)
        hit = self._context.hit(request.scope, program, with_params=False)
        batch = Batch(hit, program, self._context.recorder)
        await batch.read(body, self._terms(hit, program), settings.batch_lines_max)
        return responses.ndjson_answer(await batch.settle())

    def _terms(self, hit: Hit, program: ProgramIndex) -> LineContext:
        settings = self._context.settings
        return LineContext(
            program=program,
            keys=self._context.edge.keys,
            now=hit.ts,
            sender_ip=hit.ip,
            field_bytes_max=settings.field_bytes_max,
            custom_fields_max=settings.custom_fields_max,
            future_ts_max_us=settings.future_ts_max_s * 1_000_000,
            truncate_ip=self._context.truncate_ip,
            absent=self._context.absent,
        )
