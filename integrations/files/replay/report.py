"""What a replay tells: how far it is, and what came of it."""

from collections import Counter
from dataclasses import dataclass, field

from integrations.files.source import LineProblem

PROBLEMS_SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """How far a replay is, for a progress bar."""

    lines: int
    sent: int
    bytes_done: int
    bytes_total: int
    retries: int


@dataclass(slots=True)
class ReplayReport:
    """What came of a replay, its stopped beginnings included."""

    lines: int = 0
    """Records of the file."""
    sent: int = 0
    """Events that were answered."""
    verdicts: Counter[str] = field(default_factory=Counter)
    problems: int = 0
    """Lines that made no event, and events that were not taken."""
    shown: list[LineProblem] = field(default_factory=list)
    """The first problems of this run."""
    resumed_from: int = 0
    """Records that earlier, stopped runs had done."""
    was_finished: bool = False
    """Nothing was sent in this run: an earlier one had sent all."""

    def add_problem(self, problem: LineProblem) -> None:
        self.problems += 1
        if len(self.shown) < PROBLEMS_SHOWN_MAX:
            self.shown.append(problem)

    def as_json(self) -> dict[str, object]:
        """The answer of --json."""
        return {
            "lines": self.lines,
            "sent": self.sent,
            "verdicts": dict(sorted(self.verdicts.items())),
            "problems": self.problems,
            "problem_lines": [{"line": problem.line, "problem": problem.message} for problem in self.shown],
            "resumed_from": self.resumed_from,
            "was_finished": self.was_finished,
        }
