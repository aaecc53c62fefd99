"""Course and result of an import."""

from collections.abc import Callable
from dataclasses import dataclass, field

from control.accounts.actor import Actor
from control.program.models import ProgramVersion
from control.turns import Turns

LINES_MAX = 500
Progress = Callable[[int, int], None]
"""Is told how many entries are done, and how many there are."""


@dataclass(slots=True)
class Count:
    """Numbers of rows of one kind."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0


@dataclass(slots=True)
class ImportReport:
    """Result of an import or of its dry run."""

    counts: dict[str, Count] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    """Differences, at most LINES_MAX of them."""
    lines_left: int = 0
    version: ProgramVersion | None = None
    """Version of the routes that the import published, if any changed."""

    def count(self, noun: str) -> Count:
        return self.counts.setdefault(noun, Count())

    def say(self, line: str) -> None:
        if len(self.lines) < LINES_MAX:
            self.lines.append(line)
        else:
            self.lines_left += 1


@dataclass(slots=True)
class Import:
    """One import that is going on."""

    actor: Actor
    dry_run: bool
    progress: Progress
    total: int
    done: int = 0
    report: ImportReport = field(default_factory=ImportReport)
    turns: Turns = field(default_factory=Turns)

    def step(self, count: int) -> None:
        """Show how far the import is, and let others write. Call it between two transactions."""
        self.done += count
        self.progress(self.done, self.total)
        self.turns.give_way()
