"""Undoing of an import, row by row: what somebody has changed since stays, and the row says who has."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from control.audit.models import AuditEvent
from control.audit.record import Change, record
from control.imports.apply import publish_all, store_rows, work_off
from control.imports.dry_run import shown_errors
from control.imports.frame import Run, add_counts, request_id_of
from control.imports.models import Import, ImportRow, ImportState, RowState
from control.imports.resource import Item
from control.program.routing import postponed_routes
from control.program.versions import changing_program


def undo_rows(run: Run) -> None:
    """Undo the rows that were applied."""
    work_off(run, lambda: _batch(run))
    publish_all(run, RowState.UNDONE)
    with transaction.atomic():
        ended = run.lock(ImportState.UNDOING)
        if ended is not None:
            ended.state, ended.undone = ImportState.UNDONE, timezone.now()
            ended.save()
            record(Change("undone", "imports.import", str(ended.pk), ended.file.name, None, dict(ended.counts)))


def _batch(run: Run) -> Import | None:
    """Undo one batch, last rows first; return None if no applied row is left."""
    with changing_program(run.actor):
        found = run.lock(ImportState.UNDOING)
        if found is None:
            return None
        applied = ImportRow.objects.filter(source=found, state=RowState.APPLIED)
        rows = list(applied.order_by("-number")[: run.pace.rows])
        if not rows:
            return None
        items = [Item[Any](row.number, dict(row.before), object_id=row.object_id) for row in rows]
        _compare(run, found, rows, items)
        good = [(row, item) for row, item in zip(rows, items, strict=True) if item.is_good]
        with postponed_routes():
            run.resource.remove(run.actor, [item for row, item in good if row.made])
            run.resource.store(run.actor, [item for row, item in good if not row.made], run.actor.reason)
        run.resource.publish_batch([item for _, item in good])
        for row, item in zip(rows, items, strict=True):
            row.state = RowState.UNDONE if item.is_good else RowState.KEPT
            row.errors = shown_errors(item.errors)
        store_rows(rows)
        found.done_rows += len(rows)
        counts = Counter(str(row.state) for row in rows)
        counts["applied"] = -len(rows)
        add_counts(found, counts)
        found.save(update_fields=["done_rows", "counts"])
    return found


def _compare(run: Run, found: Import, rows: Sequence[ImportRow], items: Sequence[Item[Any]]) -> None:
    """Keep objects that somebody has changed since the import."""
    resource = run.resource
    there = resource.by_ids(run.actor, [row.object_id for row in rows])
    since = _changes_since(run, found, [row.object_id for row in rows])
    for row, item in zip(rows, items, strict=True):
        item.stored = there.get(row.object_id)
        event = since.get(row.object_id)
        who = f"was changed by {event.actor_name} on {event.at:%-d %b %Y}" if event is not None else ""
        if item.stored is None:
            item.say("", f"the {resource.noun} is gone")
        elif row.made:
            if who:
                item.say("", who)
        else:
            for key, value in row.after.items():
                if resource.value(item.stored, key) != value:
                    item.say(key, who or "was changed since")


def _changes_since(run: Run, found: Import, ids: Sequence[str]) -> dict[str, AuditEvent]:
    """Return the last change of objects that this import has not made, by object id."""
    label = run.resource.visible(run.actor).model._meta.label_lower
    events = AuditEvent.objects.filter(object_type=label, object_id__in=ids, id__gt=found.audit_from)
    return {event.object_id: event for event in events.exclude(request_id=request_id_of(found)).order_by("id")}
