"""Progress and result of a replay."""

from collections import Counter
from dataclasses import dataclass, field

from integrations.files.source import LineProblem

PROBLEMS_SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """Progress of a replay, for a progress bar."""

    lines: int
    sent: int
    bytes_done: int
    bytes_total: int
    retries: int


@dataclass(slots=True)
class ReplayReport:
    """Result of a replay, including earlier runs that were stopped."""

    lines: int = 0
    """Records of the file."""
    sent: int = 0
    """Events that were answered."""
    verdicts: Counter[str] = field(default_factory=Counter)
    problems: int = 0
    """Lines that made no event, and events that were refused."""
    shown: list[LineProblem] = field(default_factory=list)
    """The first problems of this run."""
    resumed_from: int = 0
    """Records that earlier, stopped runs completed."""
    was_finished: bool = False
    """Whether nothing was sent in this run, because an earlier one had sent everything."""

    def add_problem(self, problem: LineProblem) -> None:
        self.problems += 1
        if len(self.shown) < PROBLEMS_SHOWN_MAX:
            self.shown.append(problem)

    def as_json(self) -> dict[str, object]:
        """Return the document of --json."""
        return {
            "lines": self.lines,
            "sent": self.sent,
            "verdicts": dict(sorted(self.verdicts.items())),
            "problems": self.problems,
            "problem_lines": [{"line": problem.line, "problem": problem.message} for problem in self.shown],
            "resumed_from": self.resumed_from,
            "was_finished": self.was_finished,
        }
