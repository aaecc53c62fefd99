"""Changes of exports: asking for one, making it, deleting it."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import IO, Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from control.accounts.actor import Actor
from control.audit.origin import current_origin
from control.audit.record import Change, record
from control.changes import changing
from control.errors import Conflict, FieldError, Invalid, NotFound
from control.exports.models import PENDING, Export, ExportFormat, ExportState
from control.exports.registry import find_table
from control.exports.selectors import exports, one_export, shown_export
from control.files.models import StoredFile
from control.files.store import SPOOL_BYTES_MAX, FileTooLarge, store_file
from control.jobs.queue import enqueue
from control.tables.write import Value, csv_lines, xlsx_file

TASK = "exports.make"
KEPT_FOR = timedelta(days=7)
EXPORTS_KEPT_MAX = 50
"""Most exports that one person or key has at a time."""
ROWS_MAX = 1_000_000
FILE_BYTES_MAX = 512 * 1024**2
_PART_BYTES = 256 * 1024
_PROGRESS_ROWS = 2_000
"""Rows between two notes of the progress."""
_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class _Deleted(Exception):
    """The export was deleted while its file was made."""


def start_export(actor: Actor, resource_key: str, file_format: str, filters: Mapping[str, Any]) -> Export:
    """Ask for a file; a job makes it. Raises Forbidden, Invalid, Conflict."""
    table = find_table(resource_key)
    wanted = table.check(actor, filters)
    if file_format not in ExportFormat.values:
        raise Invalid(FieldError("format", f"must be one of {', '.join(ExportFormat.values)}"))
    with changing(actor):
        if exports(actor).count() >= EXPORTS_KEPT_MAX:
            raise Conflict(f"you have {EXPORTS_KEPT_MAX} exports already; delete some first")
        found = Export.objects.create(
            resource=table.key, title=table.title(wanted)[:80], format=file_format, filters=wanted,
            creator_kind=actor.kind, creator_id=actor.id, creator_name=(actor.name or actor.kind)[:254],
            partner=actor.partner, expires=timezone.now() + KEPT_FOR,
        )  # fmt: skip
        enqueue(TASK, {"export": str(found.pk)}, key=f"export:{found.pk}")
        _note(actor, "exported", found, {"resource": table.key, "format": file_format, "filters": wanted})
    return found


def make_export(export_id: UUID, actor: Actor) -> None:
    """Make the file of an export, with the rights that the actor has now. Run again, it starts from the first row.

    Raises Forbidden, and Unavailable while the engine does not answer: the job is tried again.
    """
    found = Export.objects.get(pk=export_id)
    if found.state not in PENDING:
        return
    table = find_table(found.resource)
    try:
        opened = table.open(actor, table.check(actor, found.filters))
        begun = {"state": ExportState.RUNNING, "rows_count": 0, "total_rows": opened.total_rows}
        Export.objects.filter(pk=export_id, state__in=PENDING).update(**begun)
        counted = _Counted(export_id)
        # The file is made before the transaction, so that other writers need not wait for it.
        with _written(found, opened.head, counted.lines(opened.rows)) as made, changing(actor):
            file = store_file(
                f"{found.name}.{found.format}", _TYPES[ExportFormat(found.format)],
                iter(lambda: made.read(_PART_BYTES), b""), FILE_BYTES_MAX,
            )  # fmt: skip
            held = Export.objects.select_for_update().filter(pk=export_id, state__in=PENDING)
            if not held.update(file=file, rows_count=counted.rows, state=ExportState.DONE):
                transaction.set_rollback(True)
            else:
                _note(actor, "completed", found, {"rows": counted.rows})
    except _Deleted:
        return
    except FileTooLarge as error:
        fail_export(export_id, f"the file {error}", actor)
    except (Invalid, NotFound) as error:
        fail_export(export_id, str(error), actor)


def fail_export(export_id: UUID, problem: str, actor: Actor | None = None) -> None:
    """Note why an export has no file."""
    with changing(actor or current_origin()):
        found = Export.objects.select_for_update().filter(pk=export_id, state__in=PENDING).first()
        if found is not None:
            found.state, found.problem = ExportState.FAILED, problem
            found.save(update_fields=["state", "problem"])
            record(
                Change(
                    "failed", "exports.export", str(found.pk), found.label, None, {"problem": problem}, found.partner
                )
            )


class _Counted:
    """Count of the rows that were written, noted for people once in a while."""

    rows = 0

    def __init__(self, export_id: UUID) -> None:
        self._held = Export.objects.filter(pk=export_id, state=ExportState.RUNNING)

    def lines(self, lines: Iterable[Sequence[Value]]) -> Iterator[Sequence[Value]]:
        """Hand the rows on. Raises FileTooLarge, and _Deleted when nobody wants them any more."""
        for line in lines:
            self.rows += 1
            if self.rows > ROWS_MAX:
                raise FileTooLarge(f"would have more than {ROWS_MAX:,} rows; filter them")
            if self.rows % _PROGRESS_ROWS == 0 and not self._held.update(rows_count=self.rows):
                raise _Deleted
            yield line


def _written(found: Export, head: Sequence[str], rows: Iterator[Sequence[Value]]) -> IO[bytes]:
    """Write the table to a temporary file. Raises FileTooLarge."""
    if found.format == ExportFormat.XLSX:
        return xlsx_file(found.label, head, rows)
    file = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES_MAX)  # noqa: SIM115 - the caller closes it
    try:
        size_bytes = 0
        for line in csv_lines(head, rows):
            size_bytes += file.write(line.encode("utf-8", "replace"))
            if size_bytes > FILE_BYTES_MAX:
                raise FileTooLarge(f"has more than {FILE_BYTES_MAX // 1024**2} MiB; filter the rows")
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def file_of(actor: Actor, export_id: UUID) -> StoredFile:
    """Return the file of an export. Raises NotFound, Conflict, and Forbidden if the right is gone meanwhile."""
    found = one_export(actor, export_id)
    find_table(found.resource).check(actor, found.filters)
    if found.file is None:
        raise Conflict(f"the export is {found.state}" + (f": {found.problem}" if found.problem else "; wait for it"))
    return found.file


def delete_export(actor: Actor, export_id: UUID) -> None:
    """Delete an export with its file; one that is being made is cancelled. Raises NotFound."""
    with changing(actor):
        found = shown_export(actor, export_id)
        _note(actor, "deleted", found, {})
        drop(found)


def drop(found: Export) -> None:
    """Delete an export with its file."""
    file = found.file
    found.delete()
    if file is not None:
        file.delete()


def _note(actor: Actor, action: str, found: Export, after: Mapping[str, Any]) -> None:
    record(Change(action, "exports.export", str(found.pk), found.label, None, after, actor.partner))
