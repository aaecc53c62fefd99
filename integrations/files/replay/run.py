"""One run of a replay: windows of lines, each sent, answered and saved before the next one is read."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from integrations.files.lines import EventLine, LineMaker, LiveHit
from integrations.files.mapping.mapping import FileMapping
from integrations.files.replay.report import ReplayProgress, ReplayReport
from integrations.files.replay.send import Answer, ReplayError, Sender, Sleep
from integrations.files.replay.state import ReplayState, read_state, write_state
from integrations.files.source import LineProblem, Row, SourceFile
from runtime.clock import Clock

BATCH_LINES_MAX = 1_000
BATCH_BYTES_MAX = 4 * 1_048_576
BATCHES_IN_FLIGHT_MAX = 4
HITS_IN_FLIGHT_MAX = 16
WINDOW_HITS_MAX = 128
WINDOW_ROWS_MAX = 10_000
_PROBE_ROWS_MAX = 100
_FINE = frozenset({"accepted", "duplicate"})

_Rows = Iterator[Row | LineProblem]


@dataclass(slots=True)
class _Window:
    """Rows that are sent and saved together."""

    rows: int = 0
    lines: list[EventLine] = field(default_factory=list)
    hits: list[LiveHit] = field(default_factory=list)
    problems: list[LineProblem] = field(default_factory=list)
    bytes: int = 0

    def add(self, made: EventLine | LiveHit | LineProblem) -> None:
        if isinstance(made, LineProblem):
            self.problems.append(made)
        elif isinstance(made, LiveHit):
            self.hits.append(made)
        else:
            self.lines.append(made)
            self.bytes += len(made.body) + 1

    def is_full(self, lines_max: int) -> bool:
        return (
            self.rows >= WINDOW_ROWS_MAX
            or len(self.lines) >= lines_max
            or self.bytes >= BATCHES_IN_FLIGHT_MAX * BATCH_BYTES_MAX
            or len(self.hits) >= WINDOW_HITS_MAX
        )


class Pacer:
    """Rate limit of a sender, in events a second."""

    def __init__(self, rate: float | None, clock: Clock, sleep: Sleep) -> None:
        self._rate, self._clock, self._sleep = rate, clock, sleep
        self._free_at_s = 0.0

    async def wait(self, events: int) -> None:
        if self._rate is None:
            return
        now_s = self._clock.monotonic_s()
        begin_s = max(now_s, self._free_at_s)
        self._free_at_s = begin_s + events / self._rate
        if begin_s > now_s:
            await self._sleep(begin_s - now_s)


class ReplayRun:
    """One run: read rows, send their events or hits, and save the position."""

    def __init__(
        self,
        file: SourceFile,
        maker: LineMaker,
        sender: Sender,
        state: Path | None,
        clock: Clock,
        rate: float | None,
        progress: Callable[[ReplayProgress], None] | None,
        sleep: Sleep,
    ) -> None:
        self._file, self._maker, self._sender = file, maker, sender
        self._state, self._progress = state, progress
        self._pacer = Pacer(rate, clock, sleep)
        # At a slow rate, full batches would be bursts with long pauses between them.
        self._batch_lines_max = min(BATCH_LINES_MAX, max(1, int(rate or BATCH_LINES_MAX)))
        self._report = ReplayReport()

    async def run(self, mapping: FileMapping, *, again: bool) -> ReplayReport:
        """Run to the end of the file. Raises SourceError, ReplayError."""
        is_events = mapping.source.mode == "events"
        before = ReplayState() if again or self._state is None else read_state(self._state)
        if before.finished:
            if not is_events:
                self._report.lines = self._report.resumed_from = before.lines
                self._report.was_finished = True
                return self._report
            before = ReplayState()
        rows = self._file.rows()
        counted_twice = 0
        if before.lines:
            last = self._skip(rows, before.lines)
            counted_twice = await self._not_known(last) if is_events else 0
            if counted_twice:
                rows = self._file.rows()
            else:
                self._go_on_from(before)
        self._save(finished=False)
        await self._send_rows(rows)
        # The probe of the last row was accepted and then came back as a duplicate; count it once, as accepted.
        moved = min(counted_twice, self._report.verdicts["duplicate"])
        self._report.verdicts += Counter(accepted=moved)
        self._report.verdicts -= Counter(duplicate=moved)
        self._save(finished=True)
        return self._report

    def _go_on_from(self, before: ReplayState) -> None:
        self._report.lines = self._report.resumed_from = before.lines
        self._report.sent, self._report.problems = before.sent, before.problems
        self._report.verdicts = Counter(before.verdicts)

    def _skip(self, rows: _Rows, count: int) -> list[EventLine]:
        """Skip rows that were sent before; return the events of the last one that made any."""
        last: deque[Row] = deque(maxlen=_PROBE_ROWS_MAX)
        for _ in range(count):
            row = next(rows, None)
            if isinstance(row, Row):
                last.append(row)
        for row in reversed(last):
            made = [line for line in self._maker.make(row) if isinstance(line, EventLine)]
            if made:
                return made
        return []

    async def _not_known(self, last: list[EventLine]) -> int:
        """Return how many events of a row that was sent before are new to Clew: its data directory may be a new one."""
        answers = await self._sender.events(last) if last else []
        return sum(answer.verdict == "accepted" for answer in answers)

    async def _send_rows(self, rows: _Rows) -> None:
        window = _Window()
        for row in rows:
            window.rows += 1
            if isinstance(row, LineProblem):
                window.add(row)
            else:
                for made in self._maker.make(row):
                    window.add(made)
            if window.is_full(BATCHES_IN_FLIGHT_MAX * self._batch_lines_max):
                await self._send(window)
                window = _Window()
        if window.rows:
            await self._send(window)

    async def _send(self, window: _Window) -> None:
        """Send a window and save its answers, all of them or none."""
        try:
            async with asyncio.TaskGroup() as tasks:
                batches = [tasks.create_task(self._send_batch(batch)) for batch in self._batches(window.lines)]
                hits = [tasks.create_task(self._send_hit(hit)) for hit in window.hits]
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        answers = [answer for batch in batches for answer in batch.result()] + [hit.result() for hit in hits]
        for problem in window.problems:
            self._report.add_problem(problem)
        for answer in answers:
            self._report.verdicts[answer.verdict] += 1
            if answer.verdict not in _FINE:
                self._report.add_problem(
                    LineProblem(answer.line, ": ".join(part for part in (answer.verdict, answer.why) if part))
                )
        self._report.lines += window.rows
        self._report.sent += len(answers)
        self._save(finished=False)
        if self._progress is not None:
            self._progress(
                ReplayProgress(
                    lines=self._report.lines,
                    sent=self._report.sent,
                    bytes_done=self._file.bytes_done,
                    bytes_total=self._file.bytes_total,
                    retries=self._sender.retries,
                )
            )

    def _batches(self, lines: list[EventLine]) -> Iterator[list[EventLine]]:
        batch: list[EventLine] = []
        size = 0
        for line in lines:
            if batch and (len(batch) >= self._batch_lines_max or size + len(line.body) > BATCH_BYTES_MAX):
                yield batch
                batch, size = [], 0
            batch.append(line)
            size += len(line.body) + 1
        if batch:
            yield batch

    async def _send_batch(self, batch: list[EventLine]) -> list[Answer]:
        await self._pacer.wait(len(batch))
        return await self._sender.events(batch)

    async def _send_hit(self, hit: LiveHit) -> Answer:
        await self._pacer.wait(1)
        return await self._sender.hit(hit)

    def _save(self, *, finished: bool) -> None:
        if self._state is None:
            return
        report = self._report
        state = ReplayState(report.lines, report.sent, report.problems, dict(report.verdicts), finished)
        try:
            write_state(self._state, state)
        except OSError as error:
            raise ReplayError(
                f"progress cannot be saved in {self._state.parent}: {error.strerror}; set XDG_STATE_HOME"
                " to another folder"
            ) from error
