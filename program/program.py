"""The program: terms, routes, labels and secrets as values (docs/contract.md, section 3).

file.py reads it from TOML. A Program never changes: a reload makes a new one.
"""

import msgspec

from program.labels import Labels
from program.routes import NO_ROUTES, Routes
from program.terms import Terms


class Secrets(msgspec.Struct, frozen=True):
    """Values that must never be stored, logged or shown."""

    api_keys: tuple[str, ...] = ()
    postback_secrets: dict[int, str] = {}
    """Secrets by offer number; an offer without one accepts postbacks without a secret."""

    def __repr__(self) -> str:
        return f"Secrets({len(self.api_keys)} api keys, {len(self.postback_secrets)} postback secrets)"


class Program(msgspec.Struct, frozen=True):
    terms: Terms
    routes: Routes
    labels: Labels
    secrets: Secrets

    @property
    def hash(self) -> str:
        """Hash of the terms: the name of what conversions are priced under."""
        return self.terms.hash

    def without_routes(self) -> "Program":
        """Return the program for a process that answers no visitors; links need far more memory than the rest."""
        return msgspec.structs.replace(self, routes=NO_ROUTES)
