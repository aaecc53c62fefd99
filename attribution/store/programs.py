"""Terms that conversions were priced under, read once each from clew.programs.

A conversion keeps the terms that it was first priced under, so a restatement may need any earlier ones.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from attribution.core.credits import Pricing
from attribution.core.timeline import TermsFrom, Timeline
from attribution.store.labels import store_labels
from program.program import Program
from program.terms import canonical, from_canonical
from schemas.columns import to_arrow
from schemas.ddl import DATABASE
from schemas.tables import ProgramRow
from warehouse.port import Warehouse, rows_of

PROGRAMS_MAX = 32
"""Terms cached in memory; each takes a few kilobytes per hundred offers and plans."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Row of clew.programs. Terms have one row for each time that they became the newest."""

    hash: str
    loaded_us: int
    canonical: bytes


def newest_program(warehouse: Warehouse) -> Loaded | None:
    """Return the terms loaded last, or None if there are none. Raises WarehouseError."""
    newest = rows_of(
        warehouse.query(
            "SELECT program_hash, toUnixTimestamp64Micro(loaded_ts) AS loaded_us, canonical "
            f"FROM {DATABASE}.programs ORDER BY loaded_ts DESC, program_hash LIMIT 1"
        )
    )
    if not newest:
        return None
    row = newest[0]
    return Loaded(row["program_hash"], row["loaded_us"], row["canonical"].encode())


def stored_timeline(warehouse: Warehouse) -> Timeline:
    """Return all terms in clew.programs by their time. Raises WarehouseError."""
    table = warehouse.query(
        f"SELECT DISTINCT program_hash, toUnixTimestamp64Micro(loaded_ts) AS from_us FROM {DATABASE}.programs"
    )
    return Timeline(TermsFrom(row["from_us"], row["program_hash"]) for row in rows_of(table))


def store_terms(warehouse: Warehouse, terms: TermsFrom, canonical_text: bytes) -> None:
    """Store published terms under the time from which they count. Raises WarehouseError.

    Two workers may store the same row; the timeline has it once.
    """
    row = ProgramRow(terms.hash, terms.from_us, canonical_text.decode())
    token = f"program:{terms.hash}:{secrets.token_hex(8)}"
    warehouse.insert("programs", to_arrow("programs", [(row,)]), token)


class Programs:
    """Cache of pricings by program hash. Not thread-safe: one pass at a time uses it."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._known: OrderedDict[str, Pricing] = OrderedDict()
        self._kept: set[str] = set()

    def keep(self, program: Program, now_us: int) -> Pricing:
        """Return the pricing of the current program, and store its terms in clew.programs if they are missing there."""
        if program.hash not in self._kept:
            if self.get(program.hash) is None:
                self._write(program, now_us)
            self._kept = {program.hash}
        return self._known.get(program.hash) or self._remember(Pricing.from_terms(program.hash, program.terms))

    def load(self, program: Program, now_us: int) -> None:
        """Make these terms the newest in clew.programs, even if they were loaded before and replaced since.

        Call this only after reading a program file. A worker that continues with its program calls `keep`.
        """
        newest = newest_program(self._warehouse)
        if newest is None or newest.hash != program.hash:
            # The order of loading counts, even if this machine's clock is behind the newest row.
            self._write(program, now_us if newest is None else max(now_us, newest.loaded_us + 1))
        store_labels(self._warehouse, program.labels, now_us)

    def _write(self, program: Program, loaded_us: int) -> None:
        row = ProgramRow(program.hash, loaded_us, canonical(program.terms).decode())
        token = f"program:{program.hash}:{secrets.token_hex(8)}"
        self._warehouse.insert("programs", to_arrow("programs", [(row,)]), token)

    def of(self, timeline: Timeline, ts_us: int) -> Pricing:
        """Return the pricing of the terms that count at a time. Raises LookupError if there are none."""
        pricing = self.get(found := timeline.at(ts_us))
        if pricing is None:
            raise LookupError(f"terms {found} are missing from clew.programs")
        return pricing

    def get(self, program_hash: str) -> Pricing | None:
        """Return the pricing of terms loaded earlier, or None if clew.programs no longer has them."""
        known = self._known.get(program_hash)
        if known is not None:
            self._known.move_to_end(program_hash)
            return known
        stored = rows_of(
            self._warehouse.query(
                f"SELECT any(canonical) AS canonical FROM {DATABASE}.programs WHERE program_hash = {{hash:String}} "
                "GROUP BY program_hash",
                {"hash": program_hash},
            )
        )
        if not stored:
            return None
        return self._remember(Pricing.from_terms(program_hash, from_canonical(stored[0]["canonical"].encode())))

    def _remember(self, pricing: Pricing) -> Pricing:
        self._known[pricing.program_hash] = pricing
        while len(self._known) > PROGRAMS_MAX:
            self._known.popitem(last=False)
        return pricing
