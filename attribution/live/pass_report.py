"""Counts of a pass, as `clew attribute` and the log show them."""

from dataclasses import dataclass

from attribution.core.revisions import Rows


@dataclass(frozen=True, slots=True)
class PassReport:
    """Counts of one pass. `behind` is the number of log records that attribution has yet to pass; 0 means idle."""

    credited: int = 0
    restated: int = 0
    unchanged: int = 0
    problems: int = 0
    behind: int = 0
    moved: bool = False
    """The cursor moved: more records may follow directly."""
    waiting: bool = False
    """Ingest has not passed the ends that the touch partitions had when the pass began. Nothing was done."""

    def plus(self, other: "PassReport") -> "PassReport":
        """Add the counts of another group of shards."""
        return PassReport(
            self.credited + other.credited, self.restated + other.restated, self.unchanged + other.unchanged,
            self.problems + other.problems, moved=self.moved or other.moved,
        )  # fmt: skip


def count_rows(rows: Rows, *, moved: bool) -> PassReport:
    """Count the conversions that these rows credit, restate or list with problems."""
    first = sum(1 for revision in rows.revisions if revision.revision == 1)
    problems = sum(1 for revision in rows.revisions if revision.problems)
    return PassReport(first, len(rows.revisions) - first, problems=problems, moved=moved)
