"""Origin of changes: the actor and request that all changes in a block of code come from."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import StrEnum


class ActorKind(StrEnum):
    """Kinds of actors."""

    PERSON = "person"
    API_KEY = "api_key"
    JOB = "job"
    IMPORT = "import"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Origin:
    """Actor and request of a change."""

    kind: ActorKind
    id: str = ""
    """Id of the person, key, job or import; empty for people who have not signed in."""
    name: str = ""
    request_id: str = ""
    address: str = ""
    """IP address of a request."""
    reason: str = ""


class OriginMissing(RuntimeError):
    """An audited row is about to change and nobody has said who changes it."""


_current: ContextVar[Origin | None] = ContextVar("origin", default=None)


@contextmanager
def acting(origin: Origin) -> Iterator[Origin]:
    """Attribute all changes in the block to an origin."""
    token = _current.set(origin)
    try:
        yield origin
    finally:
        _current.reset(token)


@contextmanager
def because(reason: str) -> Iterator[None]:
    """Give all changes in the block a reason. Raises OriginMissing."""
    with acting(replace(current_origin(), reason=reason)):
        yield


def current_origin() -> Origin:
    """Return the origin of changes made now. Raises OriginMissing."""
    origin = _current.get()
    if origin is None:
        raise OriginMissing("nobody is named for this change; make it inside `with acting(Origin(...))`")
    return origin
