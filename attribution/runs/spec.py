"""What a run is: all that decides its credits, and the name that follows from it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, cast

import msgspec

from schemas.values.model_names import DATA_DRIVEN

Reuse = Literal["reuse", "consume", "reset"]
REUSES: tuple[Reuse, ...] = ("reuse", "consume", "reset")
"""May a touch count for a second conversion: always; if it had no part of an earlier one; if no earlier one had it."""

MODELS_VERSION = 1
"""Counts the changes of what any model gives; a run names it, so that an old run is never taken for a new one."""


class BadRun(ValueError):
    """The run cannot be; the message is a sentence for the person who conversions."""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """The parameters of a run. Instants in µs since 1970; conversions are those of [from, to) in their own time.

    `models` are texts, sorted; `program_hash` names the program that prices what no pass has priced by `as_of_us`,
    with the windows in it; `map_version` the identity map, empty for none.
    """

    models: tuple[str, ...]
    from_us: int
    to_us: int
    as_of_us: int
    program_hash: str
    code_version: str
    reuse: Reuse = "reuse"
    map_version: str = ""

    def __post_init__(self) -> None:
        if not self.models:
            raise BadRun("a run needs at least one model")
        if self.from_us >= self.to_us:
            raise BadRun("the range is empty: its end is not part of it")
        if self.reuse not in REUSES:
            raise BadRun(f"reuse is one of {', '.join(REUSES)}")
        if self.reuse == "consume" and self.data_driven:
            raise BadRun(
                f"consume goes by credits, and {', '.join(self.data_driven)} gives none before all journeys are known; "
                "take reuse or reset"
            )

    @property
    def data_driven(self) -> tuple[str, ...]:
        """Models that are fitted to all conversions of the run."""
        return tuple(model for model in self.models if model in DATA_DRIVEN)

    @property
    def parameters(self) -> str:
        """JSON, keys sorted: equal runs have equal texts."""
        found: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        return msgspec.json.encode({**found, "models_version": MODELS_VERSION}, order="sorted").decode()

    @property
    def run_id(self) -> str:
        """32 hex digits: BLAKE2b of the parameters."""
        return blake2b(self.parameters.encode(), digest_size=16).hexdigest()


def spec_of(parameters: str) -> RunSpec:
    """The run whose `parameters` these are."""
    found: Mapping[str, Any] = msgspec.json.decode(parameters)
    return RunSpec(
        models=tuple(found["models"]), from_us=found["from_us"], to_us=found["to_us"], as_of_us=found["as_of_us"],
        program_hash=found["program_hash"], code_version=found["code_version"], reuse=cast(Reuse, found["reuse"]),
        map_version=found["map_version"],
    )  # fmt: skip
