"""Frame of every service function: one transaction, with the actor and the reason for the audit trail."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import models, transaction

from control.audit.origin import Origin, acting
from control.errors import FieldError, Invalid, NotFound, validate

_M = TypeVar("_M", bound=models.Model)


@contextmanager
def changing(actor: Origin, reason: str = "") -> Iterator[None]:
    """Make all changes of the block in one transaction, in the name of the actor."""
    with acting(replace(actor, reason=reason or actor.reason)), transaction.atomic():
        yield


def locked(model: type[_M], noun: str, **key: Any) -> _M:
    """Return one row, locked until the transaction ends. Raises NotFound."""
    row = model._default_manager.select_for_update().filter(**key).first()
    if row is None:
        raise NotFound(f"there is no {noun} {' '.join(map(str, key.values()))}")
    return row


def apply_values(
    row: models.Model, values: Mapping[str, Any], allowed: frozenset[str], *, in_bulk: bool = False
) -> list[str]:
    """Set fields of a row and check it; return the names of those that changed. Raises Invalid.

    With `in_bulk`, the check asks the database nothing.
    """
    unknown = sorted(values.keys() - allowed)
    if unknown:
        raise Invalid(*(FieldError(name, "cannot be changed; leave it out") for name in unknown))
    changed = [name for name, value in values.items() if _value(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    validate(row, in_bulk=in_bulk)
    return changed


def _value(row: models.Model, name: str) -> Any:
    """Return a field's value; None for a related row that was never set."""
    try:
        return getattr(row, name)
    except ObjectDoesNotExist:
        return None
