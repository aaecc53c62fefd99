"""Changes of many partners, one by one, and the ways back."""

from collections.abc import Callable, Mapping
from typing import Any

from control.accounts.actor import Actor
from control.accounts.models import User
from control.errors import Conflict
from control.partners.selectors import partner
from control.partners.services import change_partner, transition
from control.partners.states import TRANSITIONS, PartnerStatus

_Before = Mapping[str, Any]
_UNDONE = "taken back"


def to_state(to: PartnerStatus) -> Callable[[Actor, str, Mapping[str, Any]], _Before]:
    """Return the change of one partner to a state."""

    def change(actor: Actor, row_id: str, values: Mapping[str, Any]) -> _Before:
        old = partner(actor, int(row_id)).status
        transition(actor, int(row_id), to, str(values.get("reason", "")))
        return {"status": old, "now": to.value}

    return change


def back_to_state(actor: Actor, row_id: str, _values: Mapping[str, Any], before: _Before) -> None:
    """Return a partner to the state before. Raises Conflict when there is no way back."""
    row = partner(actor, int(row_id))
    if row.status != before["now"]:
        raise Conflict(f"{row} is {row.status} meanwhile")
    if PartnerStatus(before["status"]) not in TRANSITIONS[PartnerStatus(row.status)]:
        raise Conflict(f"{row} was {before['status']}, and no partner returns to that")
    transition(actor, row.number, before["status"], _UNDONE)


def set_tier(actor: Actor, row_id: str, values: Mapping[str, Any]) -> _Before:
    """Give one partner a tier."""
    return _set(actor, row_id, "tier", values["tier"])


def add_tag(actor: Actor, row_id: str, values: Mapping[str, Any]) -> _Before:
    """Give one partner a tag. Raises Conflict when it has it."""
    tags = list(partner(actor, int(row_id)).tags)
    if values["tag"] in tags:
        raise Conflict("has the tag already")
    return _set(actor, row_id, "tags", [*tags, values["tag"]])


def set_manager(actor: Actor, row_id: str, values: Mapping[str, Any]) -> _Before:
    """Give one partner a manager."""
    return _set(actor, row_id, "manager", values["manager"] or None)


def _set(actor: Actor, row_id: str, name: str, value: Any) -> _Before:
    row = partner(actor, int(row_id))
    old = _stored(row, name)
    if old == value:
        raise Conflict("is like that already")
    change_partner(actor, row.number, {name: _given(name, value)})
    return {"name": name, "value": old, "now": value}


def reset(actor: Actor, row_id: str, _values: Mapping[str, Any], before: _Before) -> None:
    """Give a field its value before. Raises Conflict when somebody has changed it since."""
    row = partner(actor, int(row_id))
    if _stored(row, before["name"]) != before["now"]:
        raise Conflict(f"{row} was changed meanwhile")
    change_partner(actor, row.number, {before["name"]: _given(before["name"], before["value"])})


def _stored(row: Any, name: str) -> Any:
    if name == "manager":
        return str(row.manager_id) if row.manager_id else None
    return getattr(row, name)


def _given(name: str, value: Any) -> Any:
    return User.objects.filter(pk=value).first() if name == "manager" and value else value
