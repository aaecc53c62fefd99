"""Making of versions: one at a time, each whole."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from control.audit.origin import Origin, current_origin
from control.changes import changing
from control.configuration import current_configuration
from control.program.models import ProgramHead, ProgramVersion, VersionKind
from control.program.store import read_contents, store_contents
from program.terms import Terms, canonical, from_canonical

DIFF_LINES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Approval:
    """Approval of a version by another person than its author."""

    author: str
    approver: str
    comment: str = ""
    """Reason of the version."""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """Content of a version to be stored."""

    kind: VersionKind
    terms_hash: str
    routes_root: str
    diff: list[str]
    contents: Mapping[str, bytes] = field(default_factory=dict)
    """Contents that may be new."""
    effective: datetime | None = None
    """Time from which the terms count; None for terms that are those of the version before."""
    back_to: int | None = None
    approval: Approval | None = None


def lock_head() -> ProgramHead:
    """Return the head; until the transaction ends, no other one makes a version."""
    # Without a join: PostgreSQL would read the version from before the wait for the lock.
    locked = ProgramHead.objects.select_for_update().filter(pk=1)
    for head in locked:
        return head
    ProgramHead.objects.get_or_create(pk=1)
    return locked.get()


@contextmanager
def changing_program(actor: Origin, reason: str = "") -> Iterator[ProgramHead]:
    """Make changes in one transaction that may make a version.

    The lock of the head comes before all others, so that two changes never wait for each other, and nobody changes a
    draft between the compilation and the version that publishes it.
    """
    with changing(actor, reason):
        yield lock_head()


def current() -> ProgramVersion | None:
    """Return the newest version; None if nothing is published."""
    return ProgramVersion.objects.order_by("-seq").first()


def next_effective(before: ProgramVersion | None, now: datetime) -> datetime:
    """Return the time from which new terms count: the first ones at once, others after the lead.

    Never two terms at the same time: which of them counts would be open.
    """
    if before is None:
        return now
    lead = timedelta(seconds=current_configuration().settings.terms_lead_s)
    return max(now + lead, before.effective + timedelta(microseconds=1))


_noted: ContextVar[list[int] | None] = ContextVar("noted", default=None)


@contextmanager
def noting_versions() -> Iterator[list[int]]:
    """Give the numbers of the versions that the block makes, in their order."""
    made: list[int] = []
    token = _noted.set(made)
    try:
        yield made
    finally:
        _noted.reset(token)


def add_version(head: ProgramHead, new: NewVersion) -> ProgramVersion:
    """Store a version after the one that the head has."""
    before, now, origin, approval = head.version, timezone.now(), current_origin(), new.approval
    store_contents(new.contents)
    assert new.effective is not None or before is not None
    version = ProgramVersion.objects.create(
        seq=(before.seq if before else 0) + 1,
        kind=new.kind,
        terms_hash=new.terms_hash,
        routes_root=new.routes_root,
        published=now,
        effective=new.effective or (before.effective if before else now),
        author=((approval.author if approval else origin.name) or origin.kind)[:254],
        approver=approval.approver[:254] if approval else "",
        reason=approval.comment if approval else origin.reason,
        diff=shortened(new.diff),
        back_to=new.back_to,
    )
    head.version = version
    head.save(update_fields=["version"])
    made = _noted.get()
    if made is not None:
        made.append(version.seq)
    return version


def shortened(lines: list[str]) -> list[str]:
    """Return the first lines, and the number of the others."""
    if len(lines) <= DIFF_LINES_MAX:
        return lines
    return [*lines[: DIFF_LINES_MAX - 1], f"and {len(lines) - DIFF_LINES_MAX + 1} more differences"]


def terms_of(version: ProgramVersion) -> Terms:
    """Read the terms of a version."""
    return from_canonical(read_contents([version.terms_hash])[version.terms_hash])


def terms_content(terms: Terms) -> dict[str, bytes]:
    """Return terms as a content by hash."""
    return {terms.hash: canonical(terms)}
