"""Partners and offers to which a report or list is limited. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Only:
    """SQL condition on partner_id and offer_id, with its parameters."""

    where: str = "1"
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, partners: Sequence[int] | None, offers: Sequence[int] | None) -> "Only":
        """Limit to these partners and offers; None does not limit, an empty list leaves nothing."""
        terms, parameters = [], {}
        for name, numbers in (("partner", partners), ("offer", offers)):
            if numbers is not None:
                terms.append(f"{name}_id IN {{only_{name}s:Array(UInt64)}}")
                parameters[f"only_{name}s"] = list(numbers)
        return cls(" AND ".join(terms) or "1", parameters)


EVERYTHING = Only()
