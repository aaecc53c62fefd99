"""Dependencies of an edge process: the log it writes to, the current program, keys, clock, settings, random bytes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from eventlog.port import Producer
from program.program import Program
from program.routes_tree import RoutesTree
from runtime.clock import Clock
from runtime.settings import HttpSettings, TrackerSettings
from schemas.values.click_id import TokenKeys
from tracker.offers.program_index import ProgramIndex


class CurrentProgram:
    """The current program, indexed. Setting `current` replaces it; a request reads `compiled` once and keeps it."""

    __slots__ = ("compiled", "unready_reason")

    def __init__(self, program: Program, tree: RoutesTree | None = None) -> None:
        self.compiled = ProgramIndex(program, tree)
        self.unready_reason: str | None = None
        """Sentence for /readyz while there is no program to answer with."""

    @property
    def current(self) -> Program:
        return self.compiled.program

    @current.setter
    def current(self, program: Program) -> None:
        self.compiled = ProgramIndex(program)

    def follow(self, program: Program, tree: RoutesTree) -> None:
        """Replace a published program by the next version of it, whose routes are in `tree`."""
        self.compiled = ProgramIndex(program, tree, self.compiled)
        self.unready_reason = None


@dataclass(frozen=True, slots=True)
class EdgeDependencies:
    producer: Producer
    program: CurrentProgram
    keys: TokenKeys
    clock: Clock
    settings: TrackerSettings
    random_bytes: Callable[[int], bytes]
    http: HttpSettings = field(default_factory=HttpSettings)
