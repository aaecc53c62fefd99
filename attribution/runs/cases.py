"""Conversions of a slice of a run with the programs that they are priced under."""

from attribution.core.credits import ConversionCase, Pricing
from attribution.runs.run_reader import RunReader
from attribution.runs.spec import BadRun, RunSpec
from attribution.store.programs import Programs
from warehouse.port import Warehouse


def pricing_of(warehouse: Warehouse, spec: RunSpec) -> Pricing:
    """Return the program that the run names. Raises BadRun if it is missing from clew.programs."""
    pricing = Programs(warehouse).get(spec.program_hash)
    if pricing is None:
        raise BadRun(f"program {spec.program_hash} is missing from clew.programs; load that program file again")
    return pricing


def cases_of(warehouse: Warehouse, spec: RunSpec, reader: RunReader, number: int, slices: int) -> list[ConversionCase]:
    """Return the cases of one slice of the run, by id. Raises BadRun."""
    events = reader.conversions(number, slices)
    ids = [event.conversion_id for event in events]
    adjustments, priced = reader.adjustments_of(ids), reader.programs_of(ids)
    programs, pricing = Programs(warehouse), pricing_of(warehouse, spec)
    pinned: dict[str, Pricing] = {h: programs.get(h) or pricing for h in sorted(set(priced.values()))}
    return [
        ConversionCase(
            event, adjustments.get(event.conversion_id, ()), pinned.get(priced.get(event.conversion_id, ""), pricing)
        )
        for event in events
    ]
