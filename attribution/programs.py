"""The programs that conversions were priced under, out of clew.programs; each is read once.

A conversion keeps the program it was first priced under, so a restatement may need any program that ever was.
"""

import secrets
from collections import OrderedDict

from attribution.credits import Pricing
from schemas.columns import to_arrow
from schemas.ddl import DATABASE
from schemas.program import Program, canonical, from_canonical
from schemas.tables import ProgramRow
from warehouse.port import Warehouse, rows_of

PROGRAMS_MAX = 32
"""Programs that are kept in memory; one is some kilobytes per hundred offers."""


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
                row = ProgramRow(program.hash, now_us, canonical(program.rules).decode())
                table = to_arrow("programs", [(row,)])
                self._warehouse.insert("programs", table, f"program:{program.hash}:{secrets.token_hex(8)}")
            self._kept = {program.hash}
        return self._known.get(program.hash) or self._remember(Pricing.of(program.hash, program.rules))

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
