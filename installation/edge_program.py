"""The published program of an edge, in memory and in its folder, from which it starts without the control plane.

DIR/program/ has one folder for each edge of the machine, so no edge waits for another one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from installation.program_store import EffectiveTerms, ProgramStore, PublishedProgram, StoreDamaged, load_published
from program.feed import SECRETS_PURPOSE, Answer, Asked, Extra
from program.hash_tree import BadTree
from program.labels import Labels
from program.program import Program, Secrets
from program.received import routes_after
from program.routes import NO_ROUTES
from program.routes_tree import RoutesTree, tree_of
from program.terms import Terms, from_canonical, hash_of
from runtime import metrics
from runtime.files import write_private
from runtime.logs import Throttled, logger
from runtime.sealed_bytes import BadSeal, unseal_bytes

NO_TERMS = Terms(currency="USD", timezone="UTC")
"""Terms before anything is published: without offers they price nothing."""
_NO_SECRETS = Extra("", b"")
_log = Throttled(logger("follower"))


@dataclass(frozen=True, slots=True)
class EdgeCopy:
    """One version of the program, with the secrets that edges check."""

    published: PublishedProgram
    secrets: Secrets
    sealed: Extra

    @property
    def program(self) -> Program:
        terms = self.published.terms[-1].terms if self.published.terms else NO_TERMS
        return Program(terms, NO_ROUTES, Labels(), self.secrets)

    @property
    def routes(self) -> RoutesTree:
        return self.published.routes


EMPTY = EdgeCopy(PublishedProgram(0, (), tree_of(NO_ROUTES)), Secrets(), _NO_SECRETS)


class EdgeHolding:
    """Copy of one edge. `on_change` is called with every new one, in the follower's thread."""

    def __init__(self, name: str, folder: Path, key: str, on_change: Callable[[EdgeCopy], None]) -> None:
        """Raises FileLocked if another process has the folder, OSError."""
        self._name, self._folder, self._key, self._on_change = name, folder, key, on_change
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._store = _open_store(folder)
        self._unsaved = not (folder / "secrets").exists()
        stored = newest_copy(folder.parent, key)
        self.was_stored = stored is not None
        """True if there was a program to start with."""
        self.copy = stored or EMPTY

    def asked(self) -> Asked:
        terms = self.copy.published.terms
        return Asked(
            name=self._name, kind="edge", sequence=self.copy.published.sequence,
            root=self.copy.routes.root.hex() if self.copy.published.sequence else "",
            terms=terms[-1].terms.hash if terms else "", secrets=self.copy.sealed.digest,
        )  # fmt: skip

    def take(self, answer: Answer, find: Callable[[Sequence[bytes]], Mapping[bytes, bytes]]) -> None:
        """Apply an answer, hand on the new copy, then store it. Raises BadTree."""
        before = self.copy
        copy = before
        if answer.sequence:
            routes = routes_after(before.routes, answer.root, find)
            published = PublishedProgram(answer.sequence, (_terms_of(answer, before, find),), routes)
            copy = replace(copy, published=published)
        if answer.secrets is not None:
            copy = replace(copy, secrets=_unsealed(answer.secrets, self._key), sealed=answer.secrets)
        self.copy = copy
        self._on_change(copy)
        self._save(before)

    def _save(self, before: EdgeCopy) -> None:
        """Store the copy; without space the edge goes on, and the next version is stored."""
        copy = self.copy
        try:
            if copy.sealed is not before.sealed or self._unsaved:
                write_private(self._folder / "secrets", msgspec.msgpack.encode(copy.sealed))
            if copy.published.sequence:
                self._store.save(copy.published)
            self._unsaved = False
        except OSError as error:
            self._unsaved = True
            metrics.count("clew_program_follow_errors_total")
            _log.error("program_not_stored", why=str(error))

    def close(self) -> None:
        self._store.close()


def newest_copy(folder: Path, key: str) -> EdgeCopy | None:
    """Return the newest copy that any edge of this machine has stored; None if there is none that can be read."""
    found = [copy for own in sorted(folder.glob("edge-*")) if (copy := _load(own, key)) is not None]
    return max(found, key=lambda copy: copy.published.sequence, default=None)


def _load(folder: Path, key: str) -> EdgeCopy | None:
    try:
        published = load_published(folder)
        if published is None:
            return None
        sealed = msgspec.msgpack.decode((folder / "secrets").read_bytes(), type=Extra)
        return EdgeCopy(published, _unsealed(sealed, key), sealed)
    except (StoreDamaged, BadTree, OSError, msgspec.DecodeError) as error:
        _log.error("stored_program_unusable", folder=str(folder), why=str(error)[:300])
        return None


def _open_store(folder: Path) -> ProgramStore:
    try:
        return ProgramStore(folder)
    except StoreDamaged as error:
        _log.error("stored_program_dropped", folder=str(folder), why=str(error)[:300])
        for path in (folder / "current", *folder.glob("blobs-*")):
            path.unlink(missing_ok=True)
        return ProgramStore(folder)


def _terms_of(
    answer: Answer, before: EdgeCopy, find: Callable[[Sequence[bytes]], Mapping[bytes, bytes]]
) -> EffectiveTerms:
    if not answer.terms:
        raise BadTree("the answer names no terms")
    name = answer.terms[-1]
    known = before.published.terms
    if known and known[-1].terms.hash == name.hash:
        return EffectiveTerms(name.from_us, known[-1].terms)
    digest = bytes.fromhex(name.hash)
    text = find([digest])[digest]
    if hash_of(text) != name.hash:
        raise BadTree(f"terms do not have the hash {name.hash}")
    return EffectiveTerms(name.from_us, from_canonical(text))


def _unsealed(sealed: Extra, key: str) -> Secrets:
    """Raises BadTree if another key has sealed them."""
    if not sealed.content:
        return Secrets()
    try:
        return msgspec.json.decode(unseal_bytes(key, SECRETS_PURPOSE, sealed.content), type=Secrets)
    except (BadSeal, msgspec.DecodeError) as error:
        raise BadTree(f"the secrets of the program cannot be read: {error}") from None
