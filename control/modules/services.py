"""Switching modules on and off. Their rows stay."""

from django.db import transaction
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import changing
from control.errors import Conflict
from control.modules.config import ModuleConfig, modules
from control.modules.models import ModuleSwitch
from control.modules.states import find_module, is_on, switches
from control.partners.access import require_operator


def visible_modules(actor: Actor) -> list[ModuleConfig]:
    """Return the installed modules, by title. Raises Forbidden."""
    require_operator(actor, Area.SETTINGS, Action.READ)
    return sorted(modules(), key=lambda module: module.title)


def switch_module(actor: Actor, label: str, wanted: bool, reason: str = "") -> ModuleConfig:
    """Switch a module on or off; nothing changes if it is so already. Raises Forbidden, NotFound, Conflict."""
    require_operator(actor, Area.SETTINGS, Action.WRITE)
    module = find_module(label)
    with changing(actor, reason):
        # Locks all, so that two people cannot switch off what the other one's module needs.
        rows = {row.module: row for row in ModuleSwitch.objects.select_for_update().order_by("module")}
        switches.forget()
        if is_on(label) == wanted:
            return module
        _check_others(module, wanted)
        row = rows.get(label) or ModuleSwitch(module=label)
        row.is_on, row.changed, row.changed_by = wanted, timezone.now(), (actor.name or actor.kind)[:254]
        row.save()
        switches.forget()
        transaction.on_commit(switches.forget)
    return module


def _check_others(module: ModuleConfig, wanted: bool) -> None:
    """Check that no other module is in the way. Raises Conflict."""
    if wanted:
        missing = [find_module(label).title for label in module.needs if not is_on(label)]
        if missing:
            raise Conflict(f"{module.title} needs {_and(missing)}; switch on {_and(missing)} first")
        return
    users = [other.title for other in modules() if module.label in other.needs and is_on(other.label)]
    if users:
        raise Conflict(f"{module.title} is needed by {_and(users)}; switch off {_and(users)} first")


def _and(names: list[str]) -> str:
    return " and ".join(sorted(names))
