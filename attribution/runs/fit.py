"""Fit the data-driven models of a run to its conversions and to the journeys that did not convert, slice by slice.

Conversions are sliced as in runner.py. Journeys that did not convert are read from `touches` in ranges of the
identity's hash, the order of that table, so all slices together read it once. Only distinct paths with counts and the
identities that converted are kept in memory; both are bounded.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from attribution.core.credits import ConversionCase
from attribution.core.journeys import ConversionColumns, Hashes, TooManyTouches, TouchRows, build
from attribution.paths.path_table import BadTable
from attribution.runs.cases import cases_of, pricing_of
from attribution.runs.credit_rows import journeys_of
from attribution.runs.identity_map import IdentityMap
from attribution.runs.null_journeys import Converted, build_null_journeys, converted_of, person_of
from attribution.runs.run_reader import RunReader
from attribution.runs.shares import Fitted, PathCounts, fit_models, paths_of
from attribution.runs.spec import BadRun, RunSpec
from attribution.store.as_of import TS_MAX
from attribution.store.touch_reader import TouchReader
from program.entries import DEFAULT_CLICK_WINDOW_US, DEFAULT_IMPRESSION_WINDOW_US
from warehouse.port import Warehouse

SLICE_TOUCHES = 100_000
"""Approximate number of touches in one range of identities; the hash is cut by the number of all touches."""
CONVERTED_MAX = 10_000_000
"""Maximum number of converted identities with their times, 24 bytes each."""
_PERSONS = 1_000
"""Number of stitched persons that are read by one query."""
_HASHES = 2**64


@dataclass(frozen=True, slots=True)
class Fitting:
    """Sizes of the computation. They do not change the result."""

    slice_conversions: int
    slice_touches: int = SLICE_TOUCHES
    workers: int = 1


def fit_run(warehouse: Warehouse, spec: RunSpec, people: IdentityMap, fitting: Fitting) -> dict[str, Fitted]:
    """Fit the data-driven models of the run. Raises BadRun, TooManyTouches, WarehouseError."""
    counter = PathCounter(warehouse, spec, people, fitting)
    try:
        return fit_models(spec.data_driven, counter.counts())
    except BadTable as error:
        raise BadRun(str(error)) from None


class PathCounter:
    """Counts the distinct paths of converting and non-converting journeys of a run."""

    def __init__(self, warehouse: Warehouse, spec: RunSpec, people: IdentityMap, fitting: Fitting) -> None:
        self._warehouse, self._spec, self._people, self._fitting = warehouse, spec, people, fitting
        self._pricing = pricing_of(warehouse, spec)
        defaults = DEFAULT_CLICK_WINDOW_US, DEFAULT_IMPRESSION_WINDOW_US
        self._longest_us = max(max(pair) for pair in (defaults, *self._pricing.reach_us.values()))
        self._wants_nulls = "markov" in spec.models

    def counts(self) -> PathCounts:
        """Read all slices and return the counts. Raises BadRun, TooManyTouches, WarehouseError."""
        counts, converted, held = PathCounts(), [Converted.concat([])], 0
        wide = self._spec
        if self._wants_nulls:  # a touch in the range may convert after its end
            wide = replace(wide, to_us=min(TS_MAX, wide.to_us + self._longest_us))
        reader = RunReader(self._warehouse, wide, self._people)
        slices = max(1, -(-reader.count() // self._fitting.slice_conversions)) if wide.reuse == "reuse" else 1

        def work(number: int) -> tuple[Counter[bytes], Converted]:
            return self._conversions(reader, cases_of(self._warehouse, wide, reader, number, slices))

        with ThreadPoolExecutor(self._fitting.workers) as pool:
            for paths, who in pool.map(work, range(slices)):
                counts.add(paths, True)
                converted.append(who)
                held += who.ts.shape[0]
                if held > CONVERTED_MAX:
                    raise BadRun(f"more than {CONVERTED_MAX} identities converted in this range; use a shorter one")
        if self._wants_nulls:
            self._nulls(counts, Converted.concat(converted))
        return counts

    def _conversions(self, reader: RunReader, cases: Sequence[ConversionCase]) -> tuple[Counter[bytes], Converted]:
        """Return the paths of the cases in the run's range, and the identities that converted.

        A case that cannot be computed is left out.
        """
        try:
            rows, _ = TouchReader(reader.touches).candidates(list(cases))
            conversions, journeys = journeys_of(self._spec, cases, rows, reader.stitch)
            who = converted_of(conversions, journeys) if self._wants_nulls else Converted.concat([])
            return paths_of(journeys, conversions.event_ts < self._spec.to_us), who
        except (TooManyTouches, ArithmeticError, LookupError, TypeError, ValueError) as error:
            if isinstance(error, TooManyTouches) and (len(cases) <= 1 or self._spec.reuse != "reuse"):
                raise
            if len(cases) <= 1:
                return Counter(), Converted.concat([])
            middle = len(cases) // 2
            left, right = (self._conversions(reader, half) for half in (cases[:middle], cases[middle:]))
            return left[0] + right[0], Converted.concat([left[1], right[1]])

    # ------------------------------------------------------------------------ journeys that did not convert

    def _nulls(self, counts: PathCounts, converted: Converted) -> None:
        reader = RunReader(self._warehouse, self._spec, self._people)
        from_us, to_us = self._spec.from_us - self._longest_us, min(self._spec.to_us - 1, self._spec.as_of_us)
        ranges = max(1, -(-reader.touch_table.count_touches(from_us, to_us) // self._fitting.slice_touches))
        persons = np.unique(self._people.canonical)

        def of_range(number: int) -> Counter[bytes]:
            first, last = _HASHES * number // ranges, _HASHES * (number + 1) // ranges - 1
            rows = reader.touch_table.touches_between(first, last, from_us, to_us)
            rows = rows.take(rows.identity == person_of(rows))
            return self._null_paths(rows.take(~np.isin(rows.identity, self._people.identity)), converted)

        def of_persons(chunk: Hashes) -> Counter[bytes]:
            return self._null_paths(reader.touches.touches_of(chunk, from_us, to_us)[0], converted)

        chunks = [persons[start : start + _PERSONS] for start in range(0, persons.shape[0], _PERSONS)]
        with ThreadPoolExecutor(self._fitting.workers) as pool:
            for paths in pool.map(of_range, range(ranges)):
                counts.add(paths, False)
            for paths in pool.map(of_persons, chunks):
                counts.add(paths, False)

    def _null_paths(self, rows: TouchRows, converted: Converted) -> Counter[bytes]:
        return _paths_of_null_journeys(*build_null_journeys(rows, converted, self._pricing, self._spec.from_us))


def _paths_of_null_journeys(conversions: ConversionColumns, rows: TouchRows) -> Counter[bytes]:
    count = conversions.event_ts.shape[0]
    try:
        return paths_of(build(conversions, rows), np.ones(count, np.bool_))
    except TooManyTouches:
        if count <= 1:
            raise
        middle = count // 2
        left, right = conversions.slice(slice(0, middle)), conversions.slice(slice(middle, count))
        return _paths_of_null_journeys(left, rows) + _paths_of_null_journeys(right, rows)
