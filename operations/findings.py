"""Findings of the checks of `clew audit`, and repairs of `clew repair`. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

EXAMPLES_MAX = 5
"""Most examples that a check names."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold; `found` counts where it does not, unless the check only informs."""

    name: str
    ok: bool
    found: int
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, found: int, examples: Sequence[str]) -> "Check":
        """It holds when nothing was found."""
        return cls(name, not found, found, tuple(examples[:EXAMPLES_MAX]))

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "ok": self.ok, "found": self.found, "examples": list(self.examples)}


@dataclass(frozen=True, slots=True)
class Repair:
    """Repair of one kind of damage: the number of repaired rows, and examples of the others with their fix."""

    name: str
    mended: int = 0
    left: int = 0
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, mended: int, left: Sequence[str]) -> "Repair":
        return cls(name, mended, len(left), tuple(left[:EXAMPLES_MAX]))

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "mended": self.mended, "left": self.left, "examples": list(self.examples)}
