"""The conversions of a run's slice with the programs that they are worked under."""

from attribution.core.credits import ConversionCase, Pricing
from attribution.runs.run_reader import RunReader
from attribution.runs.spec import BadRun, RunSpec
from attribution.store.programs import Programs
from warehouse.port import Warehouse


def pricing_of(warehouse: Warehouse, spec: RunSpec) -> Pricing:
    """The program that the run names. Raises BadRun if clew.programs has lost it."""
    found = Programs(warehouse).get(spec.program_hash)
    if found is None:
        raise BadRun(f"there is no program {spec.program_hash} in clew.programs")
    return found


def cases_of(warehouse: Warehouse, spec: RunSpec, reader: RunReader, number: int, slices: int) -> list[ConversionCase]:
    """The cases of one slice of what `reads` reader, by id. Raises BadRun."""
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
