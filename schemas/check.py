"""What a check of `clew audit` found. Pure."""

from dataclasses import dataclass, field
from typing import Any

EXAMPLES_MAX = 5
"""Most examples that a check names."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold; `found` counts where it does not, unless the check only informs."""

    name: str
    ok: bool
    found: int
    examples: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "ok": self.ok, "found": self.found, "examples": self.examples}
