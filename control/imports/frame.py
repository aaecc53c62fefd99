"""Frame of the work of an import. Each batch of rows is one transaction, which notes how far it came.

A worker that is killed leaves whole batches; the next one goes on after them. Two that work at the same time, because
one was silent for too long, lock the import in turn, and the slower one finds its batch done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from control.accounts.actor import Actor
from control.imports.models import Import, ImportState
from control.imports.pace import Pace
from control.imports.resource import Resource

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the present work of an import."""

    import_id: UUID
    actor: Actor
    resource: Resource[Any]
    progress: Progress | None
    pace: Pace

    def lock(self, state: ImportState) -> Import | None:
        """Return the import, locked in the open transaction; None if another run has ended this work."""
        found = Import.objects.select_for_update(of=("self",)).select_related("file").get(pk=self.import_id)
        return found if found.state == state else None

    def step(self, found: Import, *, pauses: bool = True) -> None:
        """Show how far the work is, and let others write. Call it between two transactions."""
        if self.progress is None:
            return
        self.progress(found.done_rows, found.total_rows)
        if pauses:
            self.pace.pause()


def request_id_of(found: Import) -> str:
    """Return the id under which the audit trail has all changes of an import."""
    return f"import-{found.pk}"


def add_counts(found: Import, more: dict[str, int]) -> None:
    """Add to the counts of an import."""
    found.counts = {key: found.counts.get(key, 0) + more.get(key, 0) for key in {*found.counts, *more}}
