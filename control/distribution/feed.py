"""Answers to followers, from the database."""

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from django.db.models import Max, Min
from django.utils import timezone

from control.audit.models import AuditEvent
from control.distribution.models import Follower
from control.program.load import instant_us
from control.program.models import ProgramPart, ProgramVersion, SealedSecret
from control.program.selectors import labels_now
from control.program.store import read_contents
from control.program.stored_routes import differing_branches, read_hashes
from control.program.stored_secrets import load_secrets
from control.program.versions import current
from program.feed import CONTENTS_BYTES_MAX, SECRETS_PURPOSE, Answer, Asked, Extra, TermsName
from program.hash_tree import Branches
from runtime.clock import Clock
from runtime.sealed_bytes import seal_bytes

NOTED_AGAIN_S = 15
FORGOTTEN_DAYS = 7
"""A process that has not asked for this long has ended; its row is deleted when a new one asks."""
LABELS_INTERVAL_S = 5.0
"""Least time between two readings of all names, which take half a second at 100,000 partners."""
_DIGEST_BYTES = 16


class Marks(NamedTuple):
    """Numbers that grow with every change that followers may need."""

    sequence: int
    event: int
    """Newest audit event: every change of a secret or a name has one."""


def read_marks() -> Marks:
    """Read the marks; two looks at indexes."""
    sequence = ProgramVersion.objects.aggregate(newest=Max("seq"))["newest"]
    return Marks(sequence or 0, AuditEvent.objects.aggregate(newest=Max("id"))["newest"] or 0)


def note(asked: Asked) -> None:
    """Remember what a follower has. Its row is written again when that is new, or older than some seconds."""
    now = timezone.now()
    known = Follower.objects.filter(name=asked.name).first()
    fresh = known is not None and known.seen > now - timedelta(seconds=NOTED_AGAIN_S)
    if fresh and known is not None and (known.sequence, known.root) == (asked.sequence, asked.root):
        return
    values = {
        "kind": asked.kind, "sequence": asked.sequence, "root": asked.root, "terms_hash": asked.terms, "seen": now,
    }  # fmt: skip
    Follower.objects.update_or_create(name=asked.name, defaults=values)
    if known is None:
        Follower.objects.filter(seen__lt=now - timedelta(days=FORGOTTEN_DAYS)).delete()


class Feed:
    """Makes answers. Names and secrets are read again only after an audit event. Not thread-safe."""

    def __init__(self, machine_key: str, clock: Clock) -> None:
        self._key, self._clock = machine_key, clock
        self._labels_s = float("-inf")
        self._read_at: dict[str, int] = {}
        self._extras: dict[str, Extra] = {}

    def answer(self, asked: Asked, marks: Marks) -> Answer | None:
        """Return what a follower lacks; None if it lacks nothing."""
        secrets = self._news("secrets", asked.secrets, marks)
        labels = self._news("labels", asked.labels, marks) if asked.kind == "engine" else None
        version = current()
        if version is None or _has(asked, version):
            sequence = version.seq if version is not None else 0
            if secrets is None and labels is None and sequence == asked.sequence:
                return None
        if version is None:
            return Answer(sequence=0, secrets=secrets, labels=labels)
        names = _terms_names(asked, version)
        contents: dict[bytes, bytes] = {}
        if asked.kind == "edge":
            contents = _terms_contents(names, asked) | _routes_contents(asked.root, version.routes_root)
        return Answer(
            sequence=version.seq, root=bytes.fromhex(version.routes_root), terms=names, contents=contents,
            secrets=secrets, labels=labels,
        )  # fmt: skip

    def _news(self, name: str, digest: str, marks: Marks) -> Extra | None:
        extra = self._extra(name, marks.event)
        return None if extra.digest == digest else extra

    def _extra(self, name: str, event: int) -> Extra:
        if name in self._extras and self._read_at[name] == event:
            return self._extras[name]
        if name == "labels":
            now_s = self._clock.monotonic_s()
            if name in self._extras and now_s - self._labels_s < LABELS_INTERVAL_S:
                return self._extras[name]
            self._labels_s = now_s
        self._extras[name] = self._read_secrets() if name == "secrets" else _read_labels()
        self._read_at[name] = event
        return self._extras[name]

    def _read_secrets(self) -> Extra:
        rows = SealedSecret.objects.order_by("pk")
        digest = _digest(b"".join(row.pk.to_bytes(8, "big") + bytes(row.sealed_secret) for row in rows))
        known = self._extras.get("secrets")
        if known is not None and known.digest == digest:
            return known
        text = msgspec.json.encode(load_secrets())
        return Extra(digest, seal_bytes(self._key, SECRETS_PURPOSE, text))


def _has(asked: Asked, version: ProgramVersion) -> bool:
    """Return whether a follower has this version; a restored database may have given its number to another one."""
    same_routes = asked.kind == "engine" or asked.root == version.routes_root
    return asked.sequence == version.seq and asked.terms == version.terms_hash and same_routes


def _read_labels() -> Extra:
    text = msgspec.json.encode(labels_now())
    return Extra(_digest(text), text)


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def _terms_names(asked: Asked, version: ProgramVersion) -> tuple[TermsName, ...]:
    """Return the newest terms for an edge; for an engine all after those that it has, in the order of their time."""
    if asked.kind == "edge":
        return (TermsName(_us(version.effective), version.terms_hash),)
    known = ProgramVersion.objects.filter(seq=asked.sequence, terms_hash=asked.terms).exists()
    since = asked.sequence if known else 0
    rows = ProgramVersion.objects.filter(seq__gt=since).order_by().values("effective", "terms_hash")
    found = rows.annotate(first=Min("seq")).order_by("first")
    return tuple(TermsName(_us(row["effective"]), row["terms_hash"]) for row in found)


def _us(when: datetime) -> int:
    us = instant_us(when)
    assert us is not None
    return us


def _terms_contents(names: tuple[TermsName, ...], asked: Asked) -> dict[bytes, bytes]:
    wanted = [name.hash for name in names if name.hash != asked.terms]
    return {bytes.fromhex(name): content for name, content in read_contents(wanted).items()}


def _routes_contents(old: str, new: str) -> dict[bytes, bytes]:
    """Return the hashes that differ from a root that a follower has, and the parts if they are few."""
    if old == new:
        return {}
    known = _differing_if_known(old, new)
    if known is None:
        nodes = read_hashes(new, read_contents).nodes
        found = read_contents([new, *(node.hex() for node in nodes)])
    else:
        before, after = known
        found = read_contents([new, *(after.nodes[node].hex() for node in after.parts)])
        found |= bounded_contents([after.part(number) for number in before.differing(after)])
    return {bytes.fromhex(name): content for name, content in found.items()}


def _differing_if_known(old: str, new: str) -> tuple[Branches, Branches] | None:
    try:
        return differing_branches(old, new, read_contents) if old else None
    except KeyError:  # the database was restored, or the follower comes from another installation
        return None


def bounded_contents(hashes: list[bytes]) -> dict[str, bytes]:
    """Return contents that exist, at least one of them, up to CONTENTS_BYTES_MAX."""
    found: dict[str, bytes] = {}
    size = 0
    for at in range(0, len(hashes), 32):
        names = [digest.hex() for digest in hashes[at : at + 32]]
        for name, content in ProgramPart.objects.filter(hash__in=names).values_list("hash", "content"):
            if found and size + len(content) > CONTENTS_BYTES_MAX:
                return found
            found[name] = bytes(content)
            size += len(content)
    return found
