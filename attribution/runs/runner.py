"""Runs of models over the past: credits under a run id of their own, never commissions or ledger.

A run's id is a hash of all that decides its credits, so the same run writes the same rows or, once it is done,
nothing. It is worked in slices of conversions, by as many workers as wished; no slice depends on another. Its row
in `runs` goes last and makes its credits visible; before that every row is read back (docs/decisions/0007).
"""

import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from attribution.core.credits import ConversionCase
from attribution.core.journeys import TooManyTouches
from attribution.core.weights import ByPartner, Fits, fits_of, is_known
from attribution.runs.cases import cases_of, pricing_of
from attribution.runs.credit_rows import SliceRows, blocks_of, build_rows, merge_slices
from attribution.runs.fit import Fitting, fit_run
from attribution.runs.identity_map import NOBODY, IdentityMap
from attribution.runs.run_reader import RunReader
from attribution.runs.shares import Shares, from_json, to_json, weights_of
from attribution.runs.spec import BadRun, RunSpec
from attribution.store.limits import BLOCK_ROWS_MAX
from attribution.store.touch_reader import TouchReader
from schemas.columns import to_arrow
from schemas.ddl import DATABASE
from schemas.tables import Fact, Run
from schemas.values.model_names import DATA_DRIVEN
from warehouse.port import Warehouse, WarehouseError, scalar_of
from warehouse.port import rows_of as dicts_of

SLICE_CONVERSIONS = 20_000
"""Conversions of one slice, about; the number of slices follows from it and is the same for any number of workers."""

SHARES = "shares"
"""Of a fact's name, before the run's id: what its data-driven models were fitted to be."""

_ATTEMPTS_MAX = 10
_ONE_AT_A_TIME = threading.Lock()

Progress = Callable[[int, int], None]
Places = Mapping[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run that is done. `was_there` is true for one that had been done before, which writes nothing."""

    run: Run
    was_there: bool


@dataclass(frozen=True, slots=True)
class _Slice:
    """What a slice came to. `rows` are its rows by block."""

    conversions: int
    failed: int
    values: Mapping[str, int]
    rows: Mapping[tuple[int, int], int]


class TooFewConversions(BadRun):
    """A model would be fitted to fewer conversions than conversions for."""


def _check_enough(shares: Shares, conversions_min: int) -> None:
    for model, fitted in sorted(shares.items()):
        if fitted.touched < conversions_min:
            raise TooFewConversions(
                f"{model} would be fitted to {fitted.touched} conversions with touches, fewer than the "
                f"{conversions_min} conversions for; take a longer range, or a rule"
            )


class Runs:
    """Does runs on one warehouse."""

    def __init__(self, warehouse: Warehouse, slice_conversions: int = SLICE_CONVERSIONS) -> None:
        self._warehouse, self._slice_conversions = warehouse, slice_conversions

    def find(self, run_id: str) -> Run | None:
        """A run that is done, or None."""
        rows = dicts_of(
            self._warehouse.query(
                f"SELECT * EXCEPT as_of, toUnixTimestamp64Micro(as_of) AS as_of FROM {DATABASE}.runs "
                "WHERE run_id = {id:String} LIMIT 1",
                {"id": run_id},
            )
        )
        return Run(**{**rows[0], "values": dict(rows[0]["values"])}) if rows else None

    def run(
        self, spec: RunSpec, people: IdentityMap = NOBODY, workers: int = 1,
        progress: Progress = lambda done, of: None, conversions_min: int = 0,
    ) -> RunReport:  # fmt: skip
        """Do a run, unless it is done. Raises BadRun, WarehouseError, and TooManyTouches for a journey beyond limits.

        `people` is the map whose version the run names; `progress` hears of slices done, and how many there are.
        A model that is fitted to fewer than `conversions_min` conversions with touches raises TooFewConversions.
        """
        if people.version != spec.map_version:
            raise BadRun("the identity map is not the one that the run names")
        with _ONE_AT_A_TIME:
            found = self.find(spec.run_id)
            if found is not None:
                _check_enough(from_json(found.shares), conversions_min)
                return RunReport(found, True)
            fits = self._fits(spec)
            shares = self._shares(spec, people, workers, conversions_min)
            return RunReport(self._do(spec, people, shares, fits, workers, progress), False)

    def _fits(self, spec: RunSpec) -> Fits:
        """The fits of the program that the run names. Raises BadRun if it lacks one that a model goes by."""
        found = fits_of(pricing_of(self._warehouse, spec).rules)
        missing = [model for model in spec.models if model not in DATA_DRIVEN and not is_known(model, found)]
        if missing:
            raise BadRun(f"the program in force cannot work {', '.join(missing)} out; add what `clew fit RUN` prints")
        return found

    def _shares(self, spec: RunSpec, people: IdentityMap, workers: int, conversions_min: int) -> Shares:
        """The fitted models of the run: as they were noted before its first credit, so that a redo has the same."""
        if not spec.data_driven:
            return {}
        noted = self._noted_shares(spec)
        if noted is None:
            fitted = fit_run(self._warehouse, spec, people, Fitting(self._slice_conversions, workers=workers))
            _check_enough(fitted, conversions_min)  # a run that is refused leaves nothing
            fact = to_arrow("facts", [(Fact(f"{SHARES}:{spec.run_id}", to_json(fitted), spec.as_of_us),)])
            self._warehouse.insert("facts", fact, f"{SHARES}:{spec.run_id}:{secrets.token_hex(8)}")
            noted = self._noted_shares(spec)
        if noted is None:
            raise WarehouseError(f"the shares of run {spec.run_id} are not there after an insert", retryable=True)
        _check_enough(noted, conversions_min)
        return noted

    def _noted_shares(self, spec: RunSpec) -> Shares | None:
        table = self._warehouse.query(
            f"SELECT value FROM {DATABASE}.facts WHERE name = {{name:String}} ORDER BY ts, value LIMIT 1",
            {"name": f"{SHARES}:{spec.run_id}"},
        )
        return from_json(str(scalar_of(table))) if table.num_rows else None

    def _do(
        self, spec: RunSpec, people: IdentityMap, shares: Shares, fits: Fits, workers: int, progress: Progress
    ) -> Run:
        fits = {**fits, **{model: ByPartner.from_weights(weights_of(fitted)) for model, fitted in shares.items()}}
        count = RunReader(self._warehouse, spec).count()
        # Touches are used up over the whole range at once.
        slices = max(1, -(-count // self._slice_conversions)) if spec.reuse == "reuse" else 1
        done: dict[int, _Slice] = {}
        todo, attempt = list(range(slices)), ""
        for _ in range(_ATTEMPTS_MAX):
            present = self._present(spec.run_id)

            def work(number: int, present: Places = present, attempt: str = attempt) -> tuple[int, _Slice]:
                return number, self._slice(spec, people, fits, (number, slices), present, attempt)

            with ThreadPoolExecutor(workers) as pool:
                for number, result in pool.map(work, todo):
                    done[number] = result
                    progress(len(done), slices)
            present, attempt = self._present(spec.run_id), secrets.token_hex(8)
            todo = [n for n, mine in done.items() if any(present.get(at) != rows for at, rows in mine.rows.items())]
            if not todo:
                return self._note(spec, slices, done, shares)
        raise WarehouseError(f"rows of run {spec.run_id} are not there after {_ATTEMPTS_MAX} inserts", retryable=True)

    def _present(self, run_id: str) -> Places:
        """Rows that are there by slice and block."""
        table = self._warehouse.query(
            f"SELECT _partition, _batch, toInt64(uniqExact(_offset)) AS n FROM {DATABASE}.credits "
            "WHERE run_id = {id:String} GROUP BY _partition, _batch",
            {"id": run_id},
        )
        return {(row["_partition"], row["_batch"]): row["n"] for row in dicts_of(table)}

    def _slice(
        self, spec: RunSpec, people: IdentityMap, fits: Fits, at: tuple[int, int], present: Places, attempt: str
    ) -> _Slice:
        number, slices = at
        reader = RunReader(self._warehouse, spec, people)
        cases = cases_of(self._warehouse, spec, reader, number, slices)
        result = self._rows(spec, reader, cases, fits)
        blocks = blocks_of(result.credits, number, BLOCK_ROWS_MAX)
        for block_number, block in enumerate(blocks):
            there = present.get((number, block_number), 0)
            if there < block.num_rows:
                missing = self._missing(spec.run_id, number, block_number, block) if there else block
                self._warehouse.insert("credits", missing, f"run:{spec.run_id}:{number}:{block_number}:{attempt}")
        rows = {(number, at): block.num_rows for at, block in enumerate(blocks)}
        return _Slice(result.conversions, result.failed, result.values, rows)

    def _missing(self, run_id: str, slice_number: int, block_number: int, block: pa.Table) -> pa.Table:
        there = self._warehouse.query(
            f"SELECT DISTINCT _offset FROM {DATABASE}.credits WHERE run_id = {{id:String}} "
            "AND _partition = {slice:UInt32} AND _batch = {block:UInt64}",
            {"id": run_id, "slice": slice_number, "block": block_number},
        )
        return block.filter(pc.invert(pc.is_in(block.column("_offset"), there.column(0).combine_chunks())))

    def _rows(self, spec: RunSpec, reader: RunReader, cases: list[ConversionCase], fits: Fits) -> SliceRows:
        """Credits of the cases; half of them at a time where they meet too many touches."""
        try:
            rows, _ = TouchReader(reader.touches).candidates(cases)
            return build_rows(spec, cases, rows, fits, reader.stitch)
        except TooManyTouches:
            if len(cases) <= 1 or spec.reuse != "reuse":
                raise
            middle = len(cases) // 2
            return merge_slices([self._rows(spec, reader, half, fits) for half in (cases[:middle], cases[middle:])])

    def _note(self, spec: RunSpec, slices: int, done: Mapping[int, _Slice], shares: Shares) -> Run:
        values: dict[str, int] = {}
        for mine in done.values():
            for currency, value in mine.values.items():
                values[currency] = values.get(currency, 0) + value
        run = Run(
            run_id=spec.run_id, as_of=spec.as_of_us, parameters=spec.parameters, slices=slices,
            conversions=sum(mine.conversions for mine in done.values()),
            failed=sum(mine.failed for mine in done.values()),
            rows=sum(sum(mine.rows.values()) for mine in done.values()),
            values=dict(sorted(values.items())), shares=to_json(shares),
        )  # fmt: skip
        self._warehouse.insert("runs", to_arrow("runs", [(run,)]), f"run:{spec.run_id}:{secrets.token_hex(8)}")
        return run
