"""The programs that conversions were priced under, out of clew.programs; each is read once.

A conversion keeps the program it was first priced under, so a restatement may need any program that ever was.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from attribution.core.credits import Pricing
from program.program import Program, canonical, from_canonical
from schemas.columns import to_arrow
from schemas.ddl import DATABASE
from schemas.tables import ProgramRow
from warehouse.port import Warehouse, rows_of

PROGRAMS_MAX = 32
"""Programs that are kept in memory; one is some kilobytes per hundred offers."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A row of clew.programs; a program has one for each time that it became the newest."""

    hash: str
    loaded_us: int
    canonical: bytes


def newest_program(warehouse: Warehouse) -> Loaded | None:
    """The program that was loaded last; None while there is none. Raises WarehouseError."""
    found = rows_of(
        warehouse.query(
            "SELECT program_hash, toUnixTimestamp64Micro(loaded_ts) AS loaded_us, canonical "
            f"FROM {DATABASE}.programs ORDER BY loaded_ts DESC, program_hash LIMIT 1"
        )
    )
    return Loaded(found[0]["program_hash"], found[0]["loaded_us"], found[0]["canonical"].encode()) if found else None


class Programs:
    """Pricings by program hash. Not thread-safe: one pass at a time uses it."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._known: OrderedDict[str, Pricing] = OrderedDict()
        self._kept: set[str] = set()

    def keep(self, program: Program, now_us: int) -> Pricing:
        """The pricing of the program in force, which is written to clew.programs if it is not there yet."""
        if program.hash not in self._kept:
            if self.get(program.hash) is None:
                self._write(program, now_us)
            self._kept = {program.hash}
        return self._known.get(program.hash) or self._remember(Pricing.of(program.hash, program.rules))

    def load(self, program: Program, now_us: int) -> None:
        """Make it the newest of clew.programs, also when it was loaded before and others came in between.

        Only for who has just read a program file: a worker that merely goes on with its program uses `keep`.
        """
        newest = newest_program(self._warehouse)
        if newest is None or newest.hash != program.hash:
            # Later than the newest by this machine's clock or not: the order of loading is what counts.
            self._write(program, now_us if newest is None else max(now_us, newest.loaded_us + 1))

    def _write(self, program: Program, loaded_us: int) -> None:
        row = ProgramRow(program.hash, loaded_us, canonical(program.rules).decode())
        token = f"program:{program.hash}:{secrets.token_hex(8)}"
        self._warehouse.insert("programs", to_arrow("programs", [(row,)]), token)

    def get(self, program_hash: str) -> Pricing | None:
        """The pricing of a program that was loaded at some time, or None if clew.programs has lost it."""
        known = self._known.get(program_hash)
        if known is not None:
            self._known.move_to_end(program_hash)
            return known
        found = rows_of(
            self._warehouse.query(
                f"SELECT any(canonical) AS canonical FROM {DATABASE}.programs WHERE program_hash = {{hash:String}} "
                "GROUP BY program_hash",
                {"hash": program_hash},
            )
        )
        if not found:
            return None
        return self._remember(Pricing.of(program_hash, from_canonical(found[0]["canonical"].encode())))

    def _remember(self, pricing: Pricing) -> Pricing:
        self._known[pricing.program_hash] = pricing
        while len(self._known) > PROGRAMS_MAX:
            self._known.popitem(last=False)
        return pricing
