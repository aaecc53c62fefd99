"""Work of an import, as its state asks for it: dry run, application, undo."""

from dataclasses import replace
from uuid import UUID

from control.accounts.actor import Actor
from control.audit.origin import acting
from control.imports.apply import apply_rows
from control.imports.dry_run import check_rows
from control.imports.frame import Progress, Run, request_id_of
from control.imports.models import Import, ImportState
from control.imports.pace import Pace
from control.imports.resources import find_resource
from control.imports.undo import undo_rows

_WORK = {ImportState.CHECKING: check_rows, ImportState.APPLYING: apply_rows, ImportState.UNDOING: undo_rows}


def run(import_id: UUID, actor: Actor, progress: Progress | None = None) -> None:
    """Do the work that the state of an import asks for. Raises Forbidden."""
    found = Import.objects.select_related("file").get(pk=import_id)
    resource = find_resource(found.type)
    actor.require(resource.area, resource.action)
    reason = f"import of {found.file.name}" + (f": {found.reason}" if found.reason else "")
    actor = replace(actor, request_id=request_id_of(found), reason=reason)
    work = _WORK.get(ImportState(found.state))
    if work is None:
        return
    with acting(actor):
        work(Run(import_id, actor, resource, progress, Pace(resource.batch_rows)))
