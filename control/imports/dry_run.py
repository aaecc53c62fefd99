"""Dry run: each row of the file becomes a row of the import that says what applying it would do."""

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from control.audit.record import Change, record
from control.errors import FieldError
from control.files.store import open_file
from control.imports.columns import Reader, reader_of
from control.imports.frame import Run, add_counts
from control.imports.models import Import, ImportRow, ImportState, Outcome
from control.imports.resource import Finder, Item
from control.partners.states import REASON_REQUIRED
from control.program.routing import postponed_routes
from control.tables.open_table import open_table
from control.tables.table import BadTable, TableRow

BATCH_ROWS = 500
_DROP_ROWS = 5_000
ERRORS_SHOWN_MAX = 20
_NAME_CHARS_MAX = 200


@dataclass(slots=True)
class _Check:
    """The check of the rows of one file."""

    run: Run
    reader: Reader
    find: Finder
    first_rows: dict[Hashable, int] = field(default_factory=dict)
    """Row in which an identity came first."""

    def items(self, rows: list[TableRow]) -> list[Item[Any]]:
        """Read rows and compare them with the objects that exist; nothing is changed."""
        resource, actor = self.run.resource, self.run.actor
        items = [self.reader.item(row.number, row.cells) for row in rows]
        resource.resolve(actor, items)
        identities = {item.number: self._identity(item) for item in items}
        stored = self.find([identity for identity in identities.values() if identity is not None])
        for item in items:
            item.name = str(item.values.get("name") or item.values.get("code") or "")
            identity = identities[item.number]
            self._compare(item, list(stored.get(identity, ())) if identity is not None else [])
        with postponed_routes():
            for at in range(0, len(items), resource.batch_rows):
                part = [item for item in items[at : at + resource.batch_rows] if _would_change(item)]
                resource.check(actor, part)
        for item in items:
            item.object_id = str(item.stored.pk) if item.stored is not None else ""
        return items

    def _identity(self, item: Item[Any]) -> Hashable | None:
        """Return what a row finds its object by; the same twice is a mistake."""
        if not item.is_good:
            return None
        identity = self.run.resource.identity(item.values, self.reader.match)
        if identity is None:
            return None
        first = self.first_rows.setdefault(identity, item.number)
        if first != item.number:
            item.say(self.reader.match, f"row {first} is about the same {self.run.resource.noun}; remove one of them")
            return None
        return identity

    def _compare(self, item: Item[Any], stored: list[Any]) -> None:
        """Find the values that differ from those of the object."""
        resource, match = self.run.resource, self.reader.match
        if len(stored) > 1:
            ids = ", ".join(str(row.pk) for row in stored[:5])
            item.say(match, f"fits several {resource.nouns} ({ids}); add a column with their number")
        elif stored:
            item.stored, item.name = stored[0], str(stored[0])
            now = {key: resource.value(item.stored, key) for key in item.values if key not in (match, resource.match)}
            item.values = {key: item.values[key] for key, value in now.items() if item.values[key] != value}
            item.before = {key: now[key] for key in item.values}
        elif match == "id" and "id" in item.values:
            item.say("id", f"there is no {resource.noun} {item.values['id']}; leave the cell empty for a new one")
        elif item.is_good:
            for own, _ in self.reader.columns:
                if own.required and item.values.get(own.key) in (None, ""):
                    item.say(own.key, "is missing")
            self._need(item)

    def _need(self, item: Item[Any]) -> None:
        """Say which fields of a new object have no column."""
        there = {own.key for own, _ in self.reader.columns}
        for own in self.run.resource.fields:
            if own.required and own.key not in there:
                item.say(own.key, "is missing, and no column has it")


def _would_change(item: Item[Any]) -> bool:
    return item.is_good and (item.stored is None or bool(item.values))


def check_rows(run: Run) -> None:
    """Check the rows of an import that are not checked yet."""
    found = Import.objects.select_related("file").get(pk=run.import_id)
    if not found.done_rows:
        _drop_rows(found)
    try:
        with (
            open_file(found.file) as file,
            open_table(file, found.form.get("encoding", ""), found.form.get("delimiter", "")) as table,
        ):
            reader = reader_of(
                run.resource, table.headings, found.mapping, found.match, clear_empty=found.clear_empty
            )  # fmt: skip
            check = _Check(run, reader, run.resource.finder(run.actor, found.match))
            rows = table.rows()
            for row in islice(rows, found.done_rows):
                check._identity(reader.item(row.number, row.cells))
            for batch in _batches(rows):
                if not _store(run, check, batch):
                    return
        _finish(run, "")
    except BadTable as error:
        _finish(run, str(error))


def _drop_rows(found: Import) -> None:
    """Delete the rows of a dry run before, in transactions that are short."""
    while keys := list(ImportRow.objects.filter(source=found).values_list("pk", flat=True)[:_DROP_ROWS]):
        ImportRow.objects.filter(pk__gte=keys[0], pk__lte=keys[-1], source=found)._raw_delete("default")


def _batches(rows: Iterator[TableRow]) -> Iterator[list[TableRow]]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


def _store(run: Run, check: _Check, batch: list[TableRow]) -> bool:
    """Check one batch and store what it would do; return False if another run has taken over."""
    items = check.items(batch)
    rows = [_row(run, item) for item in items]
    with transaction.atomic():
        found = run.lock(ImportState.CHECKING)
        if found is None or ImportRow.objects.filter(source=found, number=batch[0].number).exists():
            return False
        ImportRow.objects.bulk_create(rows)
        found.done_rows += len(batch)
        add_counts(found, Counter(str(row.outcome) for row in rows))
        found.needs_reason = found.needs_reason or any(_needs_reason(item) for item in items)
        found.save(update_fields=["done_rows", "counts", "needs_reason"])
    run.step(found, pauses=False)  # the next batch is read and checked first, without a lock
    return True


def _needs_reason(item: Item[Any]) -> bool:
    return item.is_good and item.stored is not None and item.values.get("status") in REASON_REQUIRED


def _row(run: Run, item: Item[Any]) -> ImportRow:
    outcome = Outcome.ERROR if item.errors else Outcome.CREATED if item.stored is None else Outcome.UNCHANGED
    if outcome == Outcome.UNCHANGED and item.values:
        outcome = Outcome.CHANGED
    return ImportRow(
        source_id=run.import_id, number=item.number, outcome=outcome, made=item.made,
        object_id=item.object_id, object_name=item.name[:_NAME_CHARS_MAX],
        before=item.before, after=item.values, errors=shown_errors(item.errors),
    )  # fmt: skip


def shown_errors(errors: list[FieldError]) -> list[list[str]]:
    """Return mistakes as they are stored, each once."""
    return [list(pair) for pair in dict.fromkeys((own.field, own.message) for own in errors)][:ERRORS_SHOWN_MAX]


def _finish(run: Run, problem: str) -> None:
    with transaction.atomic():
        found = run.lock(ImportState.CHECKING)
        if found is None:
            return
        found.problem, found.checked = problem, timezone.now()
        found.state = ImportState.UPLOADED if problem else ImportState.CHECKED
        if problem:
            found.counts = {}
        found.save()
        after = {"problem": problem} if problem else dict(found.counts)
        action = "failed" if problem else "checked"
        record(Change(action, "imports.import", str(found.pk), found.file.name, None, after))
