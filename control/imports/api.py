"""API: imports."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Query, Router, Schema, Status, UploadedFile
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.api.answers import answers
from control.api.etags import check_if_match, set_etag
from control.api.lists import Orders, PageQuery, exactly, page
from control.api.merge_patch import MergePatch
from control.api.published import naming_version
from control.errors import FieldError, Invalid
from control.files.upload import TOO_LARGE, UPLOAD_BYTES_MAX
from control.imports.models import Import, ImportRow
from control.imports.resources import find_resource
from control.imports.selectors import imports as visible_imports
from control.imports.selectors import one_import, require_imports, rows_of
from control.imports.services import change_import, delete_import, go_on, start_apply, start_dry_run, start_undo, upload

imports = Router(tags=["imports"])
_ORDERS = Orders({"created": "created"}, "-created")
_ROW_ORDERS = Orders({"row": "number"}, "row")
_COUNTS = ("created", "changed", "unchanged", "error", "applied", "refused", "undone", "kept")
FIRST_ROWS = 100
"""Rows that the answer to a dry run has; the others are at `/imports/{id}/rows`."""


class ImportForm(Schema):
    """Form in which the file is read."""

    kind: str = Field(description="csv or xlsx, by what the file holds.")
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""


class ImportCounts(Schema):
    """Numbers of rows: by outcome of the dry run, and by what became of them."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    error: int = 0
    applied: int = 0
    refused: int = 0
    undone: int = 0
    kept: int = 0


class ImportOut(Schema):
    """An import."""

    id: str
    type: str
    state: str = Field(description="uploaded, checking, checked, applying, applied, undoing or undone.")
    file: str = Field(description="Name of the file.")
    form: ImportForm
    headings: list[str]
    rows: int
    mapping: dict[str, str] = Field(description="Heading by field.")
    match: str = Field(description="Field by which rows find the objects that exist.")
    clear_empty: bool
    problem: str = Field(description="Reason why the file could not be read to its end.")
    done_rows: int
    total_rows: int
    counts: ImportCounts
    needs_reason: bool = Field(description="Whether applying it needs a reason.")
    reason: str
    created: datetime
    created_by: str
    applied: datetime | None
    undone: datetime | None


class ImportIn(Schema):
    """An import to make."""

    type: str = Field(max_length=16, description="partners, offers, links, plans, coupons or approvals.")
    mapping: str = Field("", max_length=65_536, description="JSON: heading by field. Guessed if it is left out.")
    match: str = Field("", max_length=120)
    clear_empty: bool = Field(False, description="Whether an empty cell empties the field.")
    encoding: str = Field("", max_length=40, description="Recognised if it is left out.")
    delimiter: str = Field("", max_length=8, description="Recognised if it is left out.")


class ImportFields(Schema):
    """Settings of an import that is not applied."""

    model_config = ConfigDict(extra="forbid")

    mapping: dict[str, str] | None = Field(None, description="Heading by field. Guessed if it is removed.")
    match: str = Field("", max_length=120)
    clear_empty: bool = False
    encoding: str = Field("", max_length=40, description="Recognised if it is removed.")
    delimiter: str = Field("", max_length=8, description="Recognised if it is removed.")


class ImportPatch(MergePatch, ImportFields):
    """Settings of an import to change."""


class ImportQuery(PageQuery):
    """Filters of imports."""

    type: str = Field("", max_length=16)
    file: str = Field("", max_length=255, description="Whole name of the file; q finds parts of it.")
    state: str = Field("", max_length=12)


class ImportPage(Schema):
    """Page of imports."""

    items: list[ImportOut]
    next: str | None


class ImportMistake(Schema):
    """Mistake in one field of a row."""

    field: str
    message: str


class ImportChange(Schema):
    """Value of a field before and after, as a file has it."""

    field: str
    before: str
    after: str


class ImportRowOut(Schema):
    """One row of the file."""

    row: int = Field(description="Number of the row in the file.")
    outcome: str = Field(description="created, changed, unchanged or error.")
    state: str = Field(description="waiting, applied, refused, undone or kept.")
    id: str = Field(description="Id of the object; empty for one that is not stored.")
    name: str
    changes: list[ImportChange]
    errors: list[ImportMistake]


class RowQuery(PageQuery):
    """Filters of the rows of an import."""

    outcome: str = Field("", max_length=9)
    state: str = Field("", max_length=8)


class ImportRowPage(Schema):
    """Page of rows."""

    items: list[ImportRowOut]
    next: str | None


class DryRunOut(ImportOut):
    """An import after its dry run, or while a job does it."""

    first_rows: list[ImportRowOut] = Field(description="The first 100 rows; all of them are at /imports/{id}/rows.")


class ApplyIn(Schema):
    """Reason of the changes."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=4_000)


def _values(found: Import) -> dict[str, Any]:
    names = ("type", "state", "headings", "mapping", "match", "clear_empty", "problem", "done_rows", "total_rows",
             "needs_reason", "reason", "created", "applied", "undone")  # fmt: skip
    counts = {name: found.counts.get(name, 0) for name in _COUNTS}
    return {"id": str(found.pk), "file": found.file.name, "form": ImportForm(**found.form), "rows": found.rows_count,
            "counts": ImportCounts(**counts), "created_by": found.creator_name,
            **{name: getattr(found, name) for name in names}}  # fmt: skip


def import_out(found: Import) -> ImportOut:
    """Show an import."""
    return ImportOut(**_values(found))


def _row(found: Import, row: ImportRow) -> ImportRowOut:
    resource = find_resource(found.type)
    changes = []
    for key, after in row.after.items():
        own = resource.field(key)
        show = own.show if own is not None else str
        before = show(row.before[key]) if key in row.before else ""
        changes.append(ImportChange(field=key, before=before, after=show(after)))
    return ImportRowOut(
        row=row.number, outcome=row.outcome, state=row.state, id=row.object_id, name=row.object_name, changes=changes,
        errors=[ImportMistake(field=field, message=message) for field, message in row.errors],
    )  # fmt: skip


@imports.get("", response=answers(ImportPage))
def list_imports(request: HttpRequest, query: Query[ImportQuery]) -> HttpResponse:
    """List imports, newest first."""
    found = exactly(visible_imports(actor_of(request)), query, "type", "state", file="file__name")
    if query.q:
        found = found.filter(file__name__icontains=query.q)
    return page(request, found, query, _ORDERS, import_out)


@imports.post("", response=answers(ImportOut, status=201, errors=(409,)))
def add_import(
    request: HttpRequest, response: HttpResponse, body: Form[ImportIn], file: File[UploadedFile | None] = None
) -> Status[ImportOut]:
    """Upload a CSV or XLSX file. Nothing is changed before it is applied."""
    actor = actor_of(request)
    require_imports(actor)
    if getattr(request, TOO_LARGE, False):
        raise Invalid(FieldError("file", f"has more than {UPLOAD_BYTES_MAX // 1024**2} MiB; split it"))
    if file is None:
        raise Invalid(FieldError("file", "is missing; send it as multipart/form-data"))
    found = upload(
        actor, body.type, file.name or "", file.chunks(), encoding=body.encoding, delimiter=body.delimiter,
        mapping=_mapping(body.mapping), match=body.match, clear_empty=body.clear_empty,
    )  # fmt: skip
    shown = import_out(found)
    set_etag(response, shown)
    return Status(201, shown)


def _mapping(text: str) -> Mapping[str, str] | None:
    if not text:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Invalid(FieldError("mapping", 'must be JSON such as {"name": "Company name"}'))
    return found


@imports.get("/{import_id}", response=answers(ImportOut, errors=(404,)))
def get_import(request: HttpRequest, response: HttpResponse, import_id: UUID) -> ImportOut:
    """Get one import, with its progress."""
    shown = import_out(one_import(actor_of(request), import_id))
    set_etag(response, shown)
    return shown


@imports.patch("/{import_id}", response=answers(ImportOut, errors=(404, 409, 412)))
def patch_import(request: HttpRequest, response: HttpResponse, import_id: UUID, body: ImportPatch) -> ImportOut:
    """Change how the file is read. A dry run is needed again afterwards."""
    actor = actor_of(request)
    with transaction.atomic():
        Import.objects.select_for_update().filter(pk=import_id).first()
        before = import_out(one_import(actor, import_id))
        check_if_match(request, before)
        values = body.values(before.model_dump() | before.form.model_dump())
        shown = import_out(change_import(actor, import_id, values))
    set_etag(response, shown)
    return shown


@imports.delete("/{import_id}", response=answers(None, status=204, errors=(404, 409)))
def remove_import(request: HttpRequest, import_id: UUID) -> Status[None]:
    """Delete an import with its file. What it has changed stays."""
    delete_import(actor_of(request), import_id)
    return Status(204, None)


@imports.get("/{import_id}/rows", response=answers(ImportRowPage, errors=(404,)))
def list_import_rows(request: HttpRequest, import_id: UUID, query: Query[RowQuery]) -> HttpResponse:
    """List the rows after the dry run, in the order of the file: what each creates or changes, and its mistakes."""
    found = one_import(actor_of(request), import_id)
    rows = rows_of(found, query.outcome, query.state)
    if query.q:
        rows = rows.filter(object_name__icontains=query.q)
    return page(request, rows, query, _ROW_ORDERS, lambda row: _row(found, row))


@imports.post("/{import_id}/dry-run", response=answers(DryRunOut, errors=(404, 409)))
def dry_run_import(request: HttpRequest, import_id: UUID) -> DryRunOut:
    """Say what applying would do, for each row. More than 200 rows are a job: repeat GET until it is checked."""
    found = start_dry_run(actor_of(request), import_id)
    return DryRunOut(**_values(found), first_rows=[_row(found, row) for row in rows_of(found)[:FIRST_ROWS]])


@imports.post("/{import_id}/apply", response=answers(ImportOut, errors=(404, 409)))
def apply_import(
    request: HttpRequest, response: HttpResponse, import_id: UUID, body: ApplyIn | None = None
) -> ImportOut:
    """Apply the rows that the dry run found good; rows with errors are left out."""
    with naming_version(response):
        found = start_apply(actor_of(request), import_id, body.reason if body is not None else "")
    return import_out(found)


@imports.post("/{import_id}/undo", response=answers(ImportOut, errors=(404, 409)))
def undo_import(request: HttpRequest, response: HttpResponse, import_id: UUID) -> ImportOut:
    """Take the changes back. Rows whose object somebody has changed since are kept, and say who has."""
    with naming_version(response):
        found = start_undo(actor_of(request), import_id)
    return import_out(found)


@imports.post("/{import_id}/resume", response=answers(ImportOut, errors=(404, 409)))
def resume_import(request: HttpRequest, import_id: UUID) -> ImportOut:
    """Go on with an import whose job has died."""
    return import_out(go_on(actor_of(request), import_id))
