"""Application of the rows that the dry run found good."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from control.audit.record import Change, record
from control.imports.dry_run import shown_errors
from control.imports.frame import Run, add_counts
from control.imports.models import Import, ImportRow, ImportState, Outcome, RowState
from control.imports.resource import Finder, Item
from control.program.routing import postponed_routes
from control.program.versions import changing_program
from runtime.clock import SystemClock

PUBLISHED_KEYS_MAX = 5_000
"""Objects whose routes one transaction publishes."""


def apply_rows(run: Run) -> None:
    """Apply the rows that wait."""
    found = Import.objects.get(pk=run.import_id)
    find = run.resource.finder(run.actor, found.match)
    work_off(run, lambda: _batch(run, find))
    publish_all(run, RowState.APPLIED)
    with transaction.atomic():
        ended = run.lock(ImportState.APPLYING)
        if ended is not None:
            ended.state, ended.applied = ImportState.APPLIED, timezone.now()
            ended.save()
            record(Change("applied", "imports.import", str(ended.pk), ended.file.name, None, dict(ended.counts)))


def work_off(run: Run, batch: Callable[[], Import | None]) -> None:
    """Do batch after batch until no row is left, each as long as the pace of the run allows."""
    done, clock = -1, SystemClock()
    while True:
        began_s = clock.monotonic_s()
        left = batch()
        if left is None:
            return
        if done >= 0:
            run.pace.took(left.done_rows - done, clock.monotonic_s() - began_s)
        done = left.done_rows
        run.step(left)


def _batch(run: Run, find: Finder) -> Import | None:
    """Apply one batch; return None if no row waits any more."""
    with changing_program(run.actor):
        found = run.lock(ImportState.APPLYING)
        if found is None:
            return None
        waiting = ImportRow.objects.filter(source=found, state=RowState.WAITING)
        waiting = waiting.filter(outcome__in=(Outcome.CREATED, Outcome.CHANGED))
        rows = list(waiting.order_by("number")[: run.pace.rows])
        if not rows:
            return None
        items = [Item[Any](row.number, dict(row.after), name=row.object_name) for row in rows]
        _compare(run, find, found, rows, items)
        good = [item for item in items if item.is_good]
        with postponed_routes():
            run.resource.store(run.actor, good, found.reason or run.actor.reason)
        run.resource.publish_batch(good)
        for row, item in zip(rows, items, strict=True):
            row.state = RowState.APPLIED if item.is_good else RowState.REFUSED
            row.errors = shown_errors(item.errors)
            row.made = item.made
            row.object_id, row.object_name = item.object_id or row.object_id, item.name[:200] or row.object_name
        store_rows(rows)
        found.done_rows += len(rows)
        add_counts(found, Counter(str(row.state) for row in rows))
        found.save(update_fields=["done_rows", "counts"])
    return found


def _compare(run: Run, find: Finder, found: Import, rows: Sequence[ImportRow], items: Sequence[Item[Any]]) -> None:
    """Refuse rows whose object has changed since the dry run, or has come since."""
    resource = run.resource
    there = resource.by_ids(run.actor, [row.object_id for row in rows if row.outcome == Outcome.CHANGED])
    identities = {
        row.number: resource.identity(row.after, found.match) for row in rows if row.outcome == Outcome.CREATED
    }
    come = find([identity for identity in identities.values() if identity is not None])
    for row, item in zip(rows, items, strict=True):
        if row.outcome == Outcome.CREATED:
            if present := come.get(identities[row.number]):
                item.say("", f"was added since the dry run as {resource.noun} {present[0].pk}; run the dry run again")
            continue
        item.stored = there.get(row.object_id)
        if item.stored is None:
            item.say("", f"the {resource.noun} is gone since the dry run")
            continue
        for key, value in row.before.items():
            if resource.value(item.stored, key) != value:
                item.say(key, "has changed since the dry run; run the dry run again")


def store_rows(rows: Sequence[ImportRow]) -> None:
    """Store what became of rows, in one statement that is prepared once: `bulk_update` takes ten times as long."""
    errors = ImportRow._meta.get_field("errors")
    table = connection.ops.quote_name(ImportRow._meta.db_table)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {table} SET state = %s, made = %s, object_id = %s, object_name = %s, errors = %s WHERE id = %s",
            [
                (
                    str(row.state), row.made, row.object_id, row.object_name,
                    errors.get_db_prep_save(row.errors, connection), row.pk,
                )
                for row in rows
            ],
        )  # fmt: skip


def publish_all(run: Run, state: RowState) -> None:
    """Publish the routes of all objects of rows in a state: thousands at a time, each time as one version.

    Keys of one part of the routes go together, so that no part is written more often than for all keys at once.
    """
    resource = run.resource
    if not resource.publish_by:
        return
    rows = ImportRow.objects.filter(source=run.import_id, state=state).order_by()
    keys = [str(key) for key in rows.values_list(resource.publish_by, flat=True).iterator(chunk_size=2_000)]
    keys.sort(key=resource.part_of_routes)
    for at in range(0, len(keys), PUBLISHED_KEYS_MAX):
        if at and run.progress is not None:
            run.pace.pause()
        with changing_program(run.actor):
            resource.publish(keys[at : at + PUBLISHED_KEYS_MAX])
