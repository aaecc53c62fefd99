"""Parameters of a run: everything that decides its credits, and the run id that follows from it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, cast

import msgspec

from schemas.values.model_names import DATA_DRIVEN

Reuse = Literal["reuse", "consume", "reset"]
REUSES: tuple[Reuse, ...] = ("reuse", "consume", "reset")
"""A touch counts for a second conversion: always; without credit from earlier ones; if no earlier one counted it."""

MODELS_VERSION = 1
"""Incremented when the result of any model changes. It is part of the run id, so old and new runs differ."""


class BadRun(ValueError):
    """The run is not possible; the message tells the user why."""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """Parameters of a run. Times are µs since 1970; the run covers conversions whose time is in [from, to).

    `models` are texts, sorted. `program_hash` names the program for conversions that no pass had priced by
    `as_of_us`. `map_version` names the identity map; empty for none.
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
            raise BadRun("the range is empty; its end must be later than its start")
        if self.reuse not in REUSES:
            raise BadRun(f"reuse must be one of {', '.join(REUSES)}")
        if self.reuse == "consume" and self.data_driven:
            raise BadRun(
                f"reuse `consume` needs credits, and {', '.join(self.data_driven)} has none before all journeys "
                "are known; use `reuse` or `reset`"
            )

    @property
    def data_driven(self) -> tuple[str, ...]:
        """The models that are fitted to all conversions of the run."""
        return tuple(model for model in self.models if model in DATA_DRIVEN)

    @property
    def parameters(self) -> str:
        """The parameters as JSON with sorted keys: equal runs have equal texts."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        return msgspec.json.encode({**fields, "models_version": MODELS_VERSION}, order="sorted").decode()

    @property
    def run_id(self) -> str:
        """BLAKE2b of the parameters, 32 hex digits."""
        return blake2b(self.parameters.encode(), digest_size=16).hexdigest()


def spec_of(parameters: str) -> RunSpec:
    """Parse the `parameters` of a run."""
    fields: Mapping[str, Any] = msgspec.json.decode(parameters)
    return RunSpec(
        models=tuple(fields["models"]), from_us=fields["from_us"], to_us=fields["to_us"], as_of_us=fields["as_of_us"],
        program_hash=fields["program_hash"], code_version=fields["code_version"], reuse=cast(Reuse, fields["reuse"]),
        map_version=fields["map_version"],
    )  # fmt: skip
