"""Conditions on answers and other values: they show fields, give points and select rows for rules. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Operator = Literal["is", "is_not", "contains", "at_least", "at_most", "filled", "empty"]
OPERATOR_TEXTS: Mapping[str, str] = {
    "is": "is", "is_not": "is not", "contains": "contains", "at_least": "at least", "at_most": "at most",
    "filled": "is filled in", "empty": "is empty",
}  # fmt: skip
VALUES_MAX = 300
VALUE_CHARS_MAX = 200
Value = str | int | bool


class Comparison(BaseModel):
    """Comparison of a value with others. A list of values means: any of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    op: Operator = "is"
    values: list[Value] = Field(default_factory=list, max_length=VALUES_MAX)

    def problem(self) -> str:
        """Return a sentence about what is wrong with the test; empty if it is right."""
        if self.op in ("filled", "empty"):
            return "" if not self.values else f"takes no values with {self.op}"
        if not self.values:
            return f"needs values with {self.op}"
        if any(len(str(value)) > VALUE_CHARS_MAX for value in self.values):
            return f"has a value with more than {VALUE_CHARS_MAX} characters"
        if self.op in ("at_least", "at_most") and (len(self.values) != 1 or _number(self.values[0]) is None):
            return f"needs one number with {self.op}"
        return ""

    def holds(self, value: Any) -> bool:
        """Return whether a value passes. A list passes if one of its items does; with `is_not`, if none is named."""
        if self.op in ("filled", "empty"):
            return is_filled(value) is (self.op == "filled")
        if self.op in ("at_least", "at_most"):
            own, bound = _number(value), _number(self.values[0])
            if own is None or bound is None:
                return False
            return own >= bound if self.op == "at_least" else own <= bound
        items = [_folded(item) for item in (value if isinstance(value, list) else [value]) if is_filled(item)]
        wanted = [_folded(item) for item in self.values]
        if self.op == "contains":
            return any(part in item for item in items for part in wanted)
        found = any(item in wanted for item in items)
        return found if self.op == "is" else not found

    def text(self) -> str:
        """Write the test for people."""
        return f"{OPERATOR_TEXTS[self.op]} {' or '.join(map(str, self.values))}".strip()


class Condition(Comparison):
    """Test of the value that a name has."""

    field: str = Field(min_length=1, max_length=80)

    def text(self) -> str:
        """Write the condition for people."""
        return f"{self.field} {super().text()}"


def all_hold(conditions: Iterable[Condition], values: Mapping[str, Any]) -> bool:
    """Return whether every condition holds for some values."""
    return all(condition.holds(values.get(condition.field)) for condition in conditions)


def is_filled(value: Any) -> bool:
    """Return whether somebody has given a value. A box that is not ticked is not filled; zero is."""
    return value is not None and value is not False and value != "" and value != [] and value != {}


def _folded(value: Any) -> str:
    return str(value).strip().casefold()


def _number(value: Any) -> float | None:
    try:
        return float(value) if not isinstance(value, bool) else None
    except (TypeError, ValueError):
        return None
