"""Changes of many rows: few at once, many as a job, in batches that each commit; and their undoing."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.roles import Role
from control.audit.origin import ActorKind, acting
from control.changes import changing
from control.console.lists.spec import BulkAction, find_spec
from control.console.models import BulkChange, BulkState
from control.errors import Conflict, NotFound, Refused
from control.jobs.queue import enqueue
from control.jobs.registry import GiveUp

BATCH_ROWS = 50
AT_ONCE_ROWS_MAX = 100
"""Most rows that are changed while the person waits; more are a job."""
ROWS_MAX = 100_000
UNDO_AGE_MAX = timedelta(hours=24)
TASK = "console.bulk"


def start_bulk(
    actor: Actor, list_key: str, action: BulkAction, rows: Sequence[str], values: Mapping[str, Any]
) -> BulkChange:
    """Change rows now if they are few, else ask for the job that does. Raises Forbidden, Conflict."""
    actor.require(action.area, action.action)
    if len(rows) > ROWS_MAX:
        raise Conflict(f"at most {ROWS_MAX:,} rows can be changed at once, not {len(rows):,}; filter the list")
    bulk = BulkChange(user_id=UUID(actor.id), list_key=list_key, action=action.key, rows=[*rows], values=dict(values))
    return _begin(actor, bulk)


def undo_bulk(actor: Actor, bulk: BulkChange) -> BulkChange:
    """Take a change back, row by row; rows that somebody has changed since stay. Raises Forbidden, Conflict."""
    action = action_of(bulk)
    actor.require(action.area, action.action)
    if why := undo_refusal(bulk):
        raise Conflict(why)
    undoing = BulkChange(
        user_id=UUID(actor.id), list_key=bulk.list_key, action=bulk.action, values=bulk.values, rows=bulk.changed,
        undoes=bulk,
    )  # fmt: skip
    return _begin(actor, undoing)


def undo_refusal(bulk: BulkChange) -> str:
    """Return why a change cannot be undone; empty if it can."""
    if action_of(bulk).undo is None or bulk.undoes_id is not None:
        return "this change cannot be undone"
    if bulk.state != BulkState.DONE:
        return "this change is not done yet"
    if not bulk.changed:
        return "this change changed nothing"
    if BulkChange.objects.filter(undoes=bulk).exists():
        return "this change was undone already"
    if timezone.now() - bulk.created > UNDO_AGE_MAX:
        return "a change can be undone for 24 hours"
    return ""


def action_of(bulk: BulkChange) -> BulkAction:
    """Return the action of a change. Raises NotFound when this version has it no longer."""
    spec = find_spec(bulk.list_key)
    for action in spec.bulk if spec is not None else ():
        if action.key == bulk.action:
            return action
    raise NotFound(f"there is no action {bulk.action} for {bulk.list_key} in this version")


def _begin(actor: Actor, bulk: BulkChange) -> BulkChange:
    with changing(actor):
        bulk.save(force_insert=True)
        if len(bulk.rows) > AT_ONCE_ROWS_MAX:
            enqueue(TASK, {"bulk": str(bulk.pk)})
            return bulk
    run_bulk(bulk.pk, lambda _done, _total: None)
    bulk.refresh_from_db()
    return bulk


def run_bulk(bulk_id: UUID, progress: Callable[[int, int], None]) -> None:
    """Change the rows that are left. Killed and run again, it goes on after the last batch. Raises GiveUp."""
    bulk = BulkChange.objects.select_related("user").get(pk=bulk_id)
    actor = _actor_of_job(bulk.user)
    action = action_of(bulk)
    with acting(actor):
        while _one_batch(bulk_id, action, actor):
            bulk.refresh_from_db(fields=["position"])
            progress(bulk.position, len(bulk.rows))


def _actor_of_job(user: User) -> Actor:
    if not user.is_active or not user.role:
        raise GiveUp(f"{user.email} may no longer change anything")
    return Actor(ActorKind.PERSON, str(user.pk), str(user), role=Role(user.role))


def _one_batch(bulk_id: UUID, action: BulkAction, actor: Actor) -> bool:
    """Change the rows of one batch and note the place, in one transaction; return False when all are done."""
    with transaction.atomic():
        bulk = BulkChange.objects.select_for_update(of=("self",)).get(pk=bulk_id)
        batch = bulk.rows[bulk.position : bulk.position + BATCH_ROWS]
        if action.apply_batch is not None:
            refused = action.apply_batch(actor, batch)
            bulk.refused.extend([row, refused[row]] for row in batch if row in refused)
            bulk.changed.extend([row, {}] for row in batch if row not in refused)
        else:
            for row in batch:
                _one_row(bulk, action, actor, row)
        bulk.position += len(batch)
        left = bulk.position < len(bulk.rows)
        bulk.state = BulkState.RUNNING if left else BulkState.DONE
        bulk.save(update_fields=["position", "changed", "refused", "state"])
    return left


def _one_row(bulk: BulkChange, action: BulkAction, actor: Actor, row: Any) -> None:
    row_id, before = row if bulk.undoes_id is not None else (row, {})
    try:
        with transaction.atomic():
            if bulk.undoes_id is None:
                before = dict(action.apply(actor, row_id, bulk.values))
            elif action.undo is not None:
                action.undo(actor, row_id, bulk.values, before)
    except Refused as error:
        bulk.refused.append([row_id, str(error)])
    else:
        bulk.changed.append([row_id, before])
