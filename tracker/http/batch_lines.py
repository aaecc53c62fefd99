"""Answer each line of a body of /v1/events. Touches and conversions are decided at the same time, each in order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import msgspec

from runtime import metrics
from schemas.dedup.rules import Decision, keys_of
from schemas.events import CONVERSIONS, HITS, Rejected, Touch
from schemas.values.click_id import to_text
from tracker.http import responses
from tracker.http.absent import note_absent
from tracker.http.context import key_of
from tracker.http.recorder import Recorder
from tracker.lines.events import LineContext
from tracker.lines.parse import KINDS, Read, read_line
from tracker.offers.program_index import ProgramIndex
from tracker.refusal import Refusal, refusal_of, with_ids
from tracker.rejected_event import rejected_event
from tracker.request.hit import Hit

PAUSE_EVERY_LINES = 50
"""Number of lines after which the redirects of the same process get their turn."""

ID_MAX = 2**32 - 1
_BOM = b"\xef\xbb\xbf"


class LinesTooMany(Exception):
    """The body has more lines than a batch may have."""

    def __init__(self, lines_max: int) -> None:
        super().__init__(f"more than {lines_max} lines")
        self.lines_max = lines_max


class Ready(NamedTuple):
    """Line that awaits the dedup decision."""

    line: int
    value: bytes
    key: bytes


class Batch:
    """Lines of one body. The number of a line counts blank lines too, which get no answer."""

    def __init__(self, hit: Hit, program: ProgramIndex, recorder: Recorder) -> None:
        self._hit, self._program, self._recorder = hit, program, recorder
        self._read: dict[int, Read] = {}
        self._ready: dict[str, list[Ready]] = {HITS: [], CONVERSIONS: []}
        self._results: dict[int, Decision | Refusal] = {}
        self._not_final: set[int] = set()

    async def read(self, body: bytes, terms: LineContext, lines_max: int) -> None:
        """Read every line. Raises LinesTooMany."""
        body = body.removeprefix(_BOM)
        if body.count(b"\n") + (not body.endswith(b"\n")) > lines_max:
            raise LinesTooMany(lines_max)
        async for number, text in _paced(list(enumerate(body.split(b"\n"), 1))):
            text = text.strip()
            if text:
                self._take(number, read_line(text, terms))

    def _take(self, number: int, read: Read) -> None:
        self._read[number] = read
        event = read.result
        if read.absent:
            note_absent("line", read.kind, read.absent)
        if isinstance(event, Refusal):
            self._results[number] = event
        elif isinstance(event, Touch):  # by the id of the line: lines with the same id meet in one partition
            (key,) = keys_of(KINDS[read.kind], event)
            self._ready[HITS].append(Ready(number, self._recorder.encoded(KINDS[read.kind], event), key))
        else:
            self._ready[CONVERSIONS].append(
                Ready(number, self._recorder.encoded(KINDS[read.kind], event), event.conversion_id)
            )

    async def settle(self) -> list[bytes]:
        """Decide, record refused lines, and answer each line. Raises LogUnavailable: lines may be appended or not."""
        failures = await asyncio.gather(*(self._decide(topic) for topic in self._ready), return_exceptions=True)
        for failure in failures:
            if failure is not None:
                raise failure
        await self._record_refused()
        return [self._answer(number, read) async for number, read in _paced(list(self._read.items()))]

    async def _decide(self, topic: str) -> None:
        ready = self._ready[topic]
        if ready:
            results = await self._recorder.decide(topic, [one.value for one in ready], [one.key for one in ready])
            for one, found in zip(ready, results, strict=True):
                self._results[one.line] = found.decision
                if not found.final:
                    self._not_final.add(one.line)

    async def _record_refused(self) -> None:
        events: list[Rejected] = []
        async for number, read in _paced(list(self._read.items())):
            refusal = refusal_of(self._results[number])
            if refusal is not None:
                refusal = with_ids(refusal, _number(read, "offer_id"), _number(read, "partner_id"))
                fields = {name: _as_text(value) for name, value in read.sent.items()}
                events.append(rejected_event(read.kind, refusal, self._hit, fields, self._program, ref=read.ref))
        if events:
            await self._recorder.rejected(events, key_of(self._hit))

    def _answer(self, number: int, read: Read) -> bytes:
        result = self._results[number]
        verdict = result.verdict if isinstance(result, Decision) and result.reason is None else str(result.reason)
        metrics.count("clew_hits_total", kind=read.kind, verdict=verdict)
        if isinstance(result, Refusal):
            return responses.line_of_refusal(number, result)
        if isinstance(read.result, Touch):
            return responses.line_of_decision(number, result, f"{read.kind}_id", to_text(result.issued))
        final = number not in self._not_final
        return responses.line_of_decision(number, result, "conversion_id", result.issued.hex(), final=final)


def _number(read: Read, name: str) -> int:
    """Return the offer or partner of the line; 0 if it is not known."""
    known = getattr(read.result, name, 0) or read.sent.get(name)
    return known if type(known) is int and 0 < known <= ID_MAX else 0  # true is an int too


def _as_text(value: object) -> str:
    """Return a field of a line as the record of a refusal stores it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


async def _paced(items: Sequence[Any]) -> AsyncIterator[Any]:
    for count, item in enumerate(items, 1):
        yield item
        if count % PAUSE_EVERY_LINES == 0:
            await asyncio.sleep(0)
