"""Changes of exports: asking for one, making it, deleting it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.roles import Action
from control.audit.origin import current_origin
from control.audit.record import Change, record
from control.changes import changing
from control.errors import Conflict, FieldError, Invalid
from control.exports.models import Export, ExportFormat, ExportState
from control.exports.selectors import exports, one_export
from control.files.models import StoredFile
from control.files.store import FileTooLarge, store_file
from control.imports.fields import Field
from control.imports.resource import Resource
from control.imports.resources import find_resource
from control.jobs.queue import enqueue
from control.partners.selectors import sees_personal_data
from control.tables.write import csv_lines, xlsx_file

TASK = "exports.make"
KEPT_FOR = timedelta(days=7)
EXPORTS_KEPT_MAX = 50
"""Most exports that one person or key has at a time."""
ROWS_MAX = 1_000_000
FILE_BYTES_MAX = 512 * 1024**2
_READ_ROWS = 2_000
_PART_BYTES = 256 * 1024
_FILTERS: Mapping[str, tuple[str, ...]] = {
    "partners": ("status", "type", "country", "tier", "group"),
    "offers": ("status", "access"),
    "links": ("status", "offer", "partner"),
    "plans": ("state", "offer", "partner"),
    "coupons": ("state", "offer", "partner"),
    "approvals": ("status", "offer", "partner"),
}
_NUMBERS = ("offer", "partner")
_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def start_export(actor: Actor, resource_key: str, file_format: str, filters: Mapping[str, Any]) -> Export:
    """Ask for a file; a job makes it. Raises Forbidden, Invalid, Conflict."""
    resource = find_resource(resource_key, "resource")
    actor.require(resource.area, Action.READ)
    if file_format not in ExportFormat.values:
        raise Invalid(FieldError("format", f"must be one of {', '.join(ExportFormat.values)}"))
    wanted = _checked_filters(resource, filters)
    with changing(actor):
        if exports(actor).count() >= EXPORTS_KEPT_MAX:
            raise Conflict(f"you have {EXPORTS_KEPT_MAX} exports already; delete some first")
        found = Export.objects.create(
            resource=resource.key, format=file_format, filters=wanted, creator_kind=actor.kind, creator_id=actor.id,
            creator_name=(actor.name or actor.kind)[:254], partner=actor.partner, expires=timezone.now() + KEPT_FOR,
        )  # fmt: skip
        enqueue(TASK, {"export": str(found.pk)}, key=f"export:{found.pk}")
        _note(actor, "exported", found, {"resource": resource.key, "format": file_format, "filters": wanted})
    return found


def _checked_filters(resource: Resource[Any], filters: Mapping[str, Any]) -> dict[str, Any]:
    known, errors, found = _FILTERS[resource.key], [], dict[str, Any]()
    for name, value in filters.items():
        if name not in known:
            errors.append(FieldError(f"filters.{name}", f"is not a filter; {', '.join(known)} are"))
        elif name in _NUMBERS and not (type(value) is int and 0 < value < 2**32):
            errors.append(FieldError(f"filters.{name}", "must be a number"))
        elif name not in _NUMBERS and not (isinstance(value, str) and len(value) <= 80 and value.isprintable()):
            errors.append(FieldError(f"filters.{name}", "must be a text of at most 80 characters"))
        else:
            found[name] = value
    if errors:
        raise Invalid(*errors)
    return found


def make_export(export_id: UUID, actor: Actor) -> None:
    """Make the file of an export, with the rights that the actor has now. Run again, it does nothing more.

    Raises Forbidden.
    """
    found = Export.objects.get(pk=export_id)
    if found.state != ExportState.WAITING:
        return
    resource = find_resource(found.resource)
    rows = resource.visible(actor).filter(**found.filters)
    own = exported_fields(resource, actor)
    # Fields with names of one's own are internal and personal.
    names = own_names(resource, rows) if actor.is_operator and sees_personal_data(actor) else []
    columns = [*own, *names]
    counted = _Counted()
    table = counted.lines(_lines(resource, rows, columns))
    head = [field.key for field in columns]
    try:
        with changing(actor):
            file = _write(found, head, table)
            held = Export.objects.select_for_update().filter(pk=export_id, state=ExportState.WAITING)
            if not held.update(file=file, rows_count=counted.rows, state=ExportState.DONE):
                transaction.set_rollback(True)
            else:
                _note(actor, "completed", found, {"rows": counted.rows})
    except FileTooLarge as error:
        fail_export(export_id, f"the file {error}", actor)


def fail_export(export_id: UUID, problem: str, actor: Actor | None = None) -> None:
    """Note why an export has no file."""
    with changing(actor or current_origin()):
        found = Export.objects.select_for_update().filter(pk=export_id, state=ExportState.WAITING).first()
        if found is not None:
            found.state, found.problem = ExportState.FAILED, problem
            found.save(update_fields=["state", "problem"])
            record(
                Change(
                    "failed", "exports.export", str(found.pk), found.resource, None, {"problem": problem}, found.partner
                )
            )


class _Counted:
    """Count of the rows that were written."""

    rows = 0

    def lines(self, lines: Iterator[Sequence[str]]) -> Iterator[Sequence[str]]:
        for line in lines:
            self.rows += 1
            if self.rows > ROWS_MAX:
                raise FileTooLarge(f"would have more than {ROWS_MAX:,} rows; filter them")
            yield line


def exported_fields(resource: Resource[Any], actor: Actor) -> list[Field]:
    """Return the fields that an actor may see."""
    fields = [own for own in resource.fields if actor.is_operator or not own.internal]
    return fields if sees_personal_data(actor) else [own for own in fields if not own.personal]


def own_names(resource: Resource[Any], rows: QuerySet[Any]) -> list[Field]:
    """Return the fields with names of one's own that the rows have."""
    found: dict[str, None] = {}
    for prefix in resource.own_names:
        values = rows.exclude(**{prefix: {}}).order_by().values_list(prefix, flat=True)
        for texts in values.iterator(chunk_size=_READ_ROWS):
            found.update(dict.fromkeys(f"{prefix}:{name}" for name in texts))
    fields = [resource.field(key) for key in sorted(found)[:100]]
    return [own for own in fields if own is not None]


def _lines(resource: Resource[Any], rows: QuerySet[Any], columns: Sequence[Field]) -> Iterator[list[str]]:
    for row in rows.order_by("pk").iterator(chunk_size=_READ_ROWS):
        yield [own.show(resource.value(row, own.key)) for own in columns]


def _write(found: Export, head: Sequence[str], rows: Iterator[Sequence[str]]) -> StoredFile:
    """Store the file. Raises FileTooLarge."""
    name, content_type = f"{found.resource}.{found.format}", _TYPES[ExportFormat(found.format)]
    if found.format == ExportFormat.CSV:
        lines = (line.encode("utf-8", "replace") for line in csv_lines(head, rows))
        return store_file(name, content_type, lines, FILE_BYTES_MAX)
    with xlsx_file(found.resource.capitalize(), head, rows) as made:
        return store_file(name, content_type, iter(lambda: made.read(_PART_BYTES), b""), FILE_BYTES_MAX)


def file_of(actor: Actor, export_id: UUID) -> StoredFile:
    """Return the file of an export. Raises NotFound, Conflict, and Forbidden if the right is gone meanwhile."""
    found = one_export(actor, export_id)
    actor.require(find_resource(found.resource).area, Action.READ)
    if found.file is None:
        raise Conflict(f"the export is {found.state}" + (f": {found.problem}" if found.problem else "; wait for it"))
    return found.file


def delete_export(actor: Actor, export_id: UUID) -> None:
    """Delete an export with its file. Raises NotFound."""
    with changing(actor):
        found = one_export(actor, export_id)
        _note(actor, "deleted", found, {})
        drop(found)


def drop(found: Export) -> None:
    """Delete an export with its file."""
    file = found.file
    found.delete()
    if file is not None:
        file.delete()


def _note(actor: Actor, action: str, found: Export, after: Mapping[str, Any]) -> None:
    record(Change(action, "exports.export", str(found.pk), found.resource, None, after, actor.partner))
