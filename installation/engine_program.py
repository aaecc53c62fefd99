"""The published program of an engine. All terms are in clew.programs before they count: a start needs nothing else."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from attribution.core.timeline import TermsFrom, Timeline
from attribution.store.labels import store_labels
from attribution.store.programs import store_terms
from installation.engine import Engine
from program.feed import SECRETS_PURPOSE, Answer, Asked
from program.hash_tree import BadTree
from program.labels import Labels
from program.program import Secrets
from program.terms import Terms, from_canonical, hash_of
from runtime.sealed_bytes import BadSeal, unseal_bytes

_STORED_AT_ONCE = 32

Find = Callable[[Sequence[bytes]], Mapping[bytes, bytes]]


class EngineHolding:
    """Copy of one engine: its timeline, the newest terms, names, and the keys of its API."""

    def __init__(self, name: str, engine: Engine, timeline: Timeline, key: str) -> None:
        self._name, self._engine, self._timeline, self._key = name, engine, timeline, key
        self._sequence = 0
        self._program = engine.program
        self._labels = self._secrets = ""
        self._terms = ""

    def asked(self) -> Asked:
        return Asked(
            name=self._name, kind="engine", sequence=self._sequence, terms=self._terms, labels=self._labels,
            secrets=self._secrets,
        )  # fmt: skip

    def take(self, answer: Answer, find: Find) -> None:
        """Store what is new, then make it current. Raises BadTree, WarehouseError."""
        program = self._program
        names = [TermsFrom(name.from_us, name.hash) for name in answer.terms]
        if names:
            newest = self._store(names, find)
            program = msgspec.structs.replace(program, terms=newest)
        if answer.labels is not None:
            labels = msgspec.json.decode(answer.labels.content, type=Labels)
            store_labels(self._engine.warehouse, labels, self._engine.clock.now_us())
            program = msgspec.structs.replace(program, labels=labels)
        if answer.secrets is not None:
            program = msgspec.structs.replace(program, secrets=self._unsealed(answer.secrets.content))
        self._timeline = self._timeline.plus(names)
        self._program = program
        self._engine.follow(program, self._timeline)
        self._sequence = answer.sequence
        self._terms = names[-1].hash if names else self._terms
        self._labels = answer.labels.digest if answer.labels is not None else self._labels
        self._secrets = answer.secrets.digest if answer.secrets is not None else self._secrets

    def _store(self, names: Sequence[TermsFrom], find: Find) -> Terms:
        """Store the terms that the warehouse lacks; return the newest ones."""
        stored = set(self._timeline.entries)
        missing = [name for name in names if name not in stored or name is names[-1]]
        newest: Terms | None = None
        for at in range(0, len(missing), _STORED_AT_ONCE):
            some = missing[at : at + _STORED_AT_ONCE]
            contents = find([bytes.fromhex(name.hash) for name in some])
            for name in some:
                text = contents[bytes.fromhex(name.hash)]
                if hash_of(text) != name.hash:
                    raise BadTree(f"terms do not have the hash {name.hash}")
                newest = from_canonical(text)
                if name not in stored:
                    store_terms(self._engine.warehouse, name, text)
                    self._timeline = self._timeline.plus([name])
        assert newest is not None
        return newest

    def _unsealed(self, sealed: bytes) -> Secrets:
        """Return the keys of events, which also open reports, and the secrets by which postbacks are tested."""
        try:
            return msgspec.json.decode(unseal_bytes(self._key, SECRETS_PURPOSE, sealed), type=Secrets)
        except (BadSeal, msgspec.DecodeError) as error:
            raise BadTree(f"the secrets of the program cannot be read: {error}") from None
