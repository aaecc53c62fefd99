"""Points for answers, by the rules of each field. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from control.custom_forms.definition import Definition

EVIDENCE_CHARS_MAX = 300
SCORE_MAX = 100


@dataclass(frozen=True, slots=True)
class Part:
    """Part of a score, with what it rests on."""

    code: str
    points: int
    evidence: str

    def stored(self) -> dict[str, Any]:
        """Return the part as it is stored."""
        return {"code": self.code, "points": self.points, "evidence": self.evidence}


def answer_parts(definition: Definition, answers: Mapping[str, Any]) -> list[Part]:
    """Return the parts of the score that the answers give; fields without an answer count as empty."""
    found = []
    for field in definition.fields:
        value = answers.get(field.key)
        for rule in field.score:
            if rule.holds(value):
                shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value if value else "nothing")
                evidence = f"{field.label_in('en')}: {shown}"[:EVIDENCE_CHARS_MAX]
                found.append(Part(f"answer:{field.key}", rule.points, f"{evidence} ({rule.text()})"))
    return found


def score_of(parts: list[Part]) -> int:
    """Return the sum of the points, between 0 and 100."""
    return max(0, min(SCORE_MAX, sum(part.points for part in parts)))
