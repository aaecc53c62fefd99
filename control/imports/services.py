"""Changes of imports by people and keys. Long work is done by a job, short work at once."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from control.accounts.actor import Actor
from control.audit.models import AuditEvent
from control.audit.record import Change, record
from control.changes import changing, locked
from control.errors import Conflict, FieldError, Invalid
from control.files.models import StoredFile
from control.files.store import FileTooLarge, open_file, store_file
from control.files.upload import UPLOAD_BYTES_MAX
from control.imports.columns import checked_mapping, checked_match, guess, remember
from control.imports.models import WORKING, Import, ImportRow, ImportState
from control.imports.resources import find_resource
from control.imports.run import run
from control.imports.selectors import one_import, require_imports
from control.imports.undo_terms import undo_refusal
from control.jobs.models import OPEN_STATES, Job
from control.jobs.queue import enqueue
from control.tables.open_table import open_table
from control.tables.table import BadTable

TASK = "imports.run"
AT_ONCE_ROWS_MAX = 200
"""Most rows that are handled while the caller waits; more are a job."""
IMPORTS_KEPT_MAX = 200
"""Most imports that one person or key may have at a time."""
_SAMPLE_ROWS = 5
_SAMPLE_CHARS_MAX = 80
_S = ImportState


def upload(
    actor: Actor, type_key: str, name: str, parts: Iterable[bytes], *, encoding: str = "", delimiter: str = "",
    mapping: Mapping[str, str] | None = None, match: str = "", clear_empty: bool = False,
) -> Import:  # fmt: skip
    """Store a file for an import, and guess its columns unless they are given. Raises Forbidden, Invalid, Conflict."""
    require_imports(actor)
    resource = find_resource(type_key)
    actor.require(resource.area, resource.action)
    with changing(actor):
        mine = Import.objects.filter(creator_kind=actor.kind, creator_id=actor.id)
        if mine.count() >= IMPORTS_KEPT_MAX:
            raise Conflict(f"you have {IMPORTS_KEPT_MAX} imports already; delete some first")
        try:
            file = store_file(_file_name(name), "application/octet-stream", parts, UPLOAD_BYTES_MAX)
        except FileTooLarge as error:
            raise Invalid(FieldError("file", str(error))) from None
        made = Import(
            type=resource.key, file=file, creator_kind=actor.kind, creator_id=actor.id,
            creator_name=(actor.name or actor.kind)[:254], clear_empty=clear_empty,
        )  # fmt: skip
        _read_form(made, encoding, delimiter)
        made.mapping = guess(resource, made.headings)
        if mapping is not None:
            made.mapping = checked_mapping(resource, made.headings, mapping)
        made.match = checked_match(resource, made.mapping, match)
        made.save(force_insert=True)
        _note("uploaded", made, {"type": made.type, "file": file.name, "rows": made.rows_count})
    return made


def _file_name(name: str) -> str:
    shown = "".join(char for char in name.replace("\\", "/").rpartition("/")[2] if char.isprintable())
    return shown.encode("utf-8", "replace").decode()[-120:] or "file"


def _read_form(made: Import, encoding: str, delimiter: str) -> None:
    """Read form, headings, first rows and number of rows of the file. Raises Invalid."""
    try:
        with open_file(made.file) as file, open_table(file, encoding, delimiter) as table:
            rows = table.rows()
            first = list(islice(rows, _SAMPLE_ROWS))
            made.rows_count = len(first) + sum(1 for _ in rows)
            made.headings = list(table.headings)
            made.sample = [[cell[:_SAMPLE_CHARS_MAX] for cell in row.cells] for row in first]
            form = table.form
            made.form = {"kind": form.kind, "encoding": form.encoding, "delimiter": form.delimiter, "sheet": form.sheet}
    except BadTable as error:
        raise Invalid(FieldError(error.field, str(error))) from None
    if not made.rows_count:
        raise Invalid(FieldError("file", "has headings and no rows"))


def change_import(actor: Actor, import_id: UUID, values: Mapping[str, Any]) -> Import:
    """Change mapping, match, clear_empty, encoding or delimiter, before it is applied.

    Raises Forbidden, NotFound, Invalid, Conflict.
    """
    with changing(actor):
        found = _locked(actor, import_id, (_S.UPLOADED, _S.CHECKED))
        resource = find_resource(found.type)
        if {"encoding", "delimiter"} & values.keys():
            form = found.form | {key: values[key] for key in ("encoding", "delimiter") if key in values}
            headings = found.headings
            _read_form(found, form["encoding"], form["delimiter"])
            if found.headings != headings:
                found.mapping, found.match = guess(resource, found.headings), ""
        if "mapping" in values:
            if (given := values["mapping"]) is None:
                found.mapping = guess(resource, found.headings)
            else:
                found.mapping = checked_mapping(resource, found.headings, given)
        keeps = found.match in found.mapping
        found.match = checked_match(resource, found.mapping, values.get("match", found.match if keeps else ""))
        found.clear_empty = bool(values.get("clear_empty", found.clear_empty))
        found.state, found.counts, found.problem = _S.UPLOADED, {}, ""
        found.save()
        _note("mapped", found, {"mapping": found.mapping, "match": found.match})
    return found


def start_dry_run(actor: Actor, import_id: UUID) -> Import:
    """Check every row, without a change. Raises Forbidden, NotFound, Invalid, Conflict."""
    with changing(actor):
        found = _locked(actor, import_id, (_S.UPLOADED, _S.CHECKED))
        resource = find_resource(found.type)
        checked_mapping(resource, found.headings, found.mapping)
        remember(resource, found.mapping)
        found.counts, found.problem, found.needs_reason = {}, "", False
        _begin(actor, found, _S.CHECKING, found.rows_count)
    return _work(actor, found)


def start_apply(actor: Actor, import_id: UUID, reason: str = "") -> Import:
    """Apply the rows that the dry run found good. Raises Forbidden, NotFound, Invalid, Conflict."""
    with changing(actor):
        found = _locked(actor, import_id, (_S.CHECKED,))
        if found.needs_reason and not reason.strip():
            raise Invalid(FieldError("reason", "is missing; say why partners are suspended or offboarded"))
        total = found.counts.get("created", 0) + found.counts.get("changed", 0)
        if not total:
            raise Conflict("the dry run found nothing to create or change")
        found.reason = reason.strip()[:4_000]
        found.audit_from = AuditEvent.objects.aggregate(last=Max("id"))["last"] or 0
        _begin(actor, found, _S.APPLYING, total)
        _note("applying", found, {"created": found.counts.get("created", 0), "changed": found.counts.get("changed", 0)})
    return _work(actor, found)


def start_undo(actor: Actor, import_id: UUID) -> Import:
    """Take back what an import has changed, where nobody has changed it since.

    Raises Forbidden, NotFound, Conflict.
    """
    with changing(actor):
        found = _locked(actor, import_id, (_S.APPLIED,))
        if why := undo_refusal(found, timezone.now()):
            raise Conflict(why)
        _begin(actor, found, _S.UNDOING, found.counts.get("applied", 0))
        _note("undoing", found, {})
    return _work(actor, found)


def go_on(actor: Actor, import_id: UUID) -> Import:
    """Go on with work whose job has died, in the name of the actor. Raises Forbidden, NotFound, Conflict."""
    with changing(actor):
        found = _locked(actor, import_id, WORKING)
        if is_open(found):
            raise Conflict(f"the import is {found.state} already")
        found.problem = ""
        _begin(actor, found, ImportState(found.state), found.total_rows, found.done_rows)
        _note("resumed", found, {"state": found.state})
    return _work(actor, found)


def fail_import(import_id: UUID, error: str) -> None:
    """Note that the job of an import is dead. The import keeps its state, and can be resumed."""
    found = Import.objects.select_for_update(of=("self",)).select_related("file").filter(pk=import_id).first()
    if found is not None and found.state in WORKING:
        found.problem = f"was not finished: {error}"
        found.save(update_fields=["problem"])
        _note("failed", found, {"state": found.state, "problem": found.problem})


def delete_import(actor: Actor, import_id: UUID) -> None:
    """Delete an import that is not at work; objects stay as they are. Raises Forbidden, NotFound, Conflict."""
    with changing(actor):
        found = _locked(actor, import_id, (_S.UPLOADED, _S.CHECKED, _S.APPLIED, _S.UNDONE))
        _note("deleted", found, {})
        drop(found)


def drop(found: Import) -> None:
    """Delete an import with its rows and its file."""
    ImportRow.objects.filter(source=found)._raw_delete("default")
    file = found.file_id
    found.delete()
    StoredFile.objects.filter(pk=file).delete()


def is_open(found: Import) -> bool:
    """Return whether a job works for an import, or waits to."""
    return Job.objects.filter(key=_job_key(found), state__in=OPEN_STATES).exists()


def _job_key(found: Import) -> str:
    return f"import:{found.pk}"


def _locked(actor: Actor, import_id: UUID, states: Iterable[ImportState]) -> Import:
    """Return an import that is in one of some states, locked. Raises Forbidden, NotFound, Conflict."""
    one_import(actor, import_id)
    found = locked(Import, "import", pk=import_id)
    resource = find_resource(found.type)
    actor.require(resource.area, resource.action)
    if found.state not in [*states]:
        raise Conflict(f"the import is {found.state}; this needs one that is {' or '.join(sorted(states))}")
    return found


def _begin(actor: Actor, found: Import, state: ImportState, total_rows: int, done_rows: int = 0) -> None:
    found.state, found.runner_kind, found.runner_id = state, actor.kind, actor.id
    found.done_rows, found.total_rows = done_rows, total_rows
    found.save()
    if total_rows > AT_ONCE_ROWS_MAX:
        enqueue(TASK, {"import": str(found.pk)}, key=_job_key(found))


def _work(actor: Actor, found: Import) -> Import:
    if found.total_rows <= AT_ONCE_ROWS_MAX:
        run(found.pk, actor)
        found.refresh_from_db()
    return found


def _note(action: str, found: Import, after: Mapping[str, Any]) -> None:
    record(Change(action, "imports.import", str(found.pk), str(found.file.name), None, after))
