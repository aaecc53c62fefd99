"""Endpoints of followers, in Starlette: a request that waits holds neither a thread nor a database connection."""

import asyncio
import hmac
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import msgspec
from django.db import DatabaseError, close_old_connections, connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.distribution.feed import LABELS_INTERVAL_S, Feed, Marks, bounded_contents, note, read_marks
from program.feed import CONTENTS_MAX, CONTENTS_PATH, PROGRAM_PATH, WAIT_MAX_S, Answer, Asked, Contents, Wanted
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from runtime.user_error import UserError

LOOK_INTERVAL_S = 0.2
_BODY_BYTES_MAX = 64 * CONTENTS_MAX
_HASH = re.compile(r"[0-9a-f]{32}|")
_NAME = re.compile(r"[\w.:@/-]{1,128}", re.ASCII)
_log = Throttled(logger("distribution"))
_T = TypeVar("_T")


class BadQuestion(ValueError):
    """A parameter is missing or wrong; the message names it."""


class ProgramEndpoints:
    """Answers followers. One thread asks the database, for all of them."""

    def __init__(self, key: str, waiting_max: int, clock: Clock) -> None:
        self._key, self._waiting_max, self._clock = key.encode(), waiting_max, clock
        self.stopping: Callable[[], bool] = lambda: False
        """Returns whether the server stops, so that nobody waits any more."""
        self._feed = Feed(key, clock)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="program feed")
        self._waiting = 0
        self._marks: Marks | None = None
        self._looked_s = float("-inf")
        self._looking = asyncio.Lock()

    def routes(self) -> list[Route]:
        return [
            Route(PROGRAM_PATH, self.program, methods=["GET"]),
            Route(CONTENTS_PATH, self.contents, methods=["POST"]),
        ]

    async def close(self) -> None:
        """Close the connection to the database."""
        await self._ask(_close_connection)
        self._thread.shutdown(wait=False)

    async def program(self, request: Request) -> Response:
        """Answer at once if there is something new, otherwise after the wait with 204."""
        if not self._may(request):
            return _refusal(401, "send `Authorization: Bearer KEY` with the key of the machines")
        try:
            asked, wait_s = question_of(request)
        except BadQuestion as error:
            return _refusal(422, str(error))
        if self._waiting >= self._waiting_max:
            return _refusal(503, f"{self._waiting} followers wait here already; set CLEW_FOLLOW__WAITING_MAX")
        self._waiting += 1
        try:
            answer = await self._when_new(request, asked, wait_s)
        except (DatabaseError, UserError, KeyError) as error:
            return _failure(error)
        finally:
            self._waiting -= 1
        if answer is None:
            return Response(status_code=204)
        return Response(msgspec.msgpack.encode(answer), media_type="application/msgpack")

    async def contents(self, request: Request) -> Response:
        """Answer with contents by their hash, as many as fit."""
        if not self._may(request):
            return _refusal(401, "send `Authorization: Bearer KEY` with the key of the machines")
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _BODY_BYTES_MAX:
                return _refusal(413, f"ask for at most {CONTENTS_MAX} contents")
        try:
            hashes = msgspec.msgpack.decode(body, type=Wanted).hashes
        except msgspec.DecodeError as error:
            return _refusal(422, f"the body cannot be read: {error}")
        if len(hashes) > CONTENTS_MAX:
            return _refusal(422, f"ask for at most {CONTENTS_MAX} contents, not {len(hashes)}")
        try:
            found = await self._ask(partial(bounded_contents, hashes))
        except DatabaseError as error:
            return _failure(error)
        answer = Contents({bytes.fromhex(name): content for name, content in found.items()})
        return Response(msgspec.msgpack.encode(answer), media_type="application/msgpack")

    def _may(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode("latin-1", "replace"), self._key)

    async def _when_new(self, request: Request, asked: Asked, wait_s: float) -> Answer | None:
        deadline_s = self._clock.monotonic_s() + wait_s
        await self._ask(partial(note, asked))
        seen: Marks | None = None
        again_s = self._clock.monotonic_s() + LABELS_INTERVAL_S
        while True:
            marks = await self._newest()
            names_due = asked.kind == "engine" and self._clock.monotonic_s() >= again_s
            if marks != seen or names_due:
                again_s = self._clock.monotonic_s() + LABELS_INTERVAL_S
                answer = await self._ask(partial(self._feed.answer, asked, marks))
                if answer is not None:
                    return answer
                seen = marks
            if self._clock.monotonic_s() >= deadline_s or self.stopping() or await request.is_disconnected():
                return None
            await asyncio.sleep(LOOK_INTERVAL_S)

    async def _newest(self) -> Marks:
        """Return the marks, at most LOOK_INTERVAL_S old: all followers share one look."""
        async with self._looking:
            now_s = self._clock.monotonic_s()
            if self._marks is None or now_s - self._looked_s >= LOOK_INTERVAL_S:
                self._marks = await self._ask(read_marks)
                self._looked_s = now_s
            return self._marks

    async def _ask(self, question: Callable[[], _T]) -> _T:
        def asking() -> _T:
            close_old_connections()
            try:
                return question()
            except DatabaseError:
                connection.close()
                raise

        return await asyncio.get_running_loop().run_in_executor(self._thread, asking)


def _close_connection() -> None:
    connection.close()  # the one of the thread that calls


def question_of(request: Request) -> tuple[Asked, float]:
    """Read the parameters of a request. Raises BadQuestion."""
    given = request.query_params
    kind = given.get("kind", "")
    if kind not in ("edge", "engine"):
        raise BadQuestion("kind must be edge or engine")
    if not _NAME.fullmatch(given.get("name", "")):
        raise BadQuestion("name must be 1 to 128 letters, digits or .:@/-")
    hashes = {name: given.get(name, "") for name in ("root", "terms", "secrets", "labels")}
    wrong = [name for name, value in hashes.items() if not _HASH.fullmatch(value)]
    if wrong:
        raise BadQuestion(f"{wrong[0]} must be 32 hex digits or empty")
    sequence, wait_s = given.get("sequence", "0"), given.get("wait", "0")
    if not (re.fullmatch(r"\d{1,18}", sequence, re.ASCII) and re.fullmatch(r"\d{1,4}", wait_s, re.ASCII)):
        raise BadQuestion("sequence and wait must be whole numbers")
    asked = Asked(name=given["name"], kind="edge" if kind == "edge" else "engine", sequence=int(sequence), **hashes)
    return asked, min(float(wait_s), WAIT_MAX_S)


def _refusal(status: int, sentence: str) -> Response:
    return Response(sentence, status, media_type="text/plain")


def _failure(error: Exception) -> Response:
    _log.error("feed_failed", why=f"{type(error).__name__}: {str(error)[:300]}")
    return _refusal(503, "the program cannot be read from the database now; ask again")
