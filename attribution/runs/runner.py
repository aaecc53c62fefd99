"""Runs of models over the past: credits under a separate run id, never commissions or ledger.

A run's id is a hash of everything that decides its credits. So repeating a run writes the same rows or, once it is
complete, nothing. It is computed in independent slices of conversions by any number of workers. Its row in `runs` is
written last and makes the credits visible; before that, every row is read back (docs/decisions/0007).
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
from attribution.runs.identity_map import EMPTY_MAP, IdentityMap
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
"""Approximate conversions per slice. The number of slices depends on it, and not on the number of workers."""

SHARES = "shares"
"""Prefix of a fact's name, before the run id: the shares that its data-driven models were fitted to."""

_ATTEMPTS_MAX = 10
_ONE_AT_A_TIME = threading.Lock()

Progress = Callable[[int, int], None]
BlockCounts = Mapping[tuple[int, int], int]
"""Number of rows by slice and block."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """A complete run. `was_there` is True if it had been complete before, so nothing was written."""

    run: Run
    was_there: bool


@dataclass(frozen=True, slots=True)
class _Slice:
    """Counts of a computed slice."""

    conversions: int
    failed: int
    values: Mapping[str, int]
    rows: BlockCounts


class TooFewConversions(BadRun):
    """A model would be fitted to fewer conversions than the minimum that was given."""


def _check_enough(shares: Shares, conversions_min: int) -> None:
    for model, fitted in sorted(shares.items()):
        if fitted.touched < conversions_min:
            raise TooFewConversions(
                f"{model} would be fitted to {fitted.touched} conversions with touches, fewer than the required "
                f"{conversions_min}; use a longer range, or a rule"
            )


class Runs:
    """Computes and stores runs on one warehouse."""

    def __init__(self, warehouse: Warehouse, slice_conversions: int = SLICE_CONVERSIONS) -> None:
        self._warehouse, self._slice_conversions = warehouse, slice_conversions

    def find(self, run_id: str) -> Run | None:
        """Return a complete run, or None."""
        rows = dicts_of(
            self._warehouse.query(
                f"SELECT * EXCEPT as_of, toUnixTimestamp64Micro(as_of) AS as_of FROM {DATABASE}.runs "
                "WHERE run_id = {id:String} LIMIT 1",
                {"id": run_id},
            )
        )
        return Run(**{**rows[0], "values": dict(rows[0]["values"])}) if rows else None

    def run(
        self, spec: RunSpec, people: IdentityMap = EMPTY_MAP, workers: int = 1,
        progress: Progress = lambda done, of: None, conversions_min: int = 0,
    ) -> RunReport:  # fmt: skip
        """Compute a run unless it is complete. Raises BadRun, WarehouseError, TooManyTouches.

        `people` is the map whose version the run names. `progress` is called with the completed and the total number
        of slices. A model fitted to fewer than `conversions_min` conversions with touches raises TooFewConversions.
        """
        if people.version != spec.map_version:
            raise BadRun("the identity map is not the one that the run names; start the run again")
        with _ONE_AT_A_TIME:
            complete = self.find(spec.run_id)
            if complete is not None:
                _check_enough(from_json(complete.shares), conversions_min)
                return RunReport(complete, True)
            fits = self._fits(spec)
            shares = self._shares(spec, people, workers, conversions_min)
            return RunReport(self._compute(spec, people, shares, fits, workers, progress), False)

    def _fits(self, spec: RunSpec) -> Fits:
        """Return the fits of the run's program. Raises BadRun if the program lacks a fit that a model refers to."""
        fits = fits_of(pricing_of(self._warehouse, spec).terms)
        missing = [model for model in spec.models if model not in DATA_DRIVEN and not is_known(model, fits)]
        if missing:
            raise BadRun(
                f"the current program has no fit for {', '.join(missing)}; "
                "add the [[fits]] table that `clew fit RUN` prints"
            )
        return fits

    def _shares(self, spec: RunSpec, people: IdentityMap, workers: int, conversions_min: int) -> Shares:
        """Return the fitted models of the run. They are stored before its first credit, so a retry has the same."""
        if not spec.data_driven:
            return {}
        stored = self._stored_shares(spec)
        if stored is None:
            fitted = fit_run(self._warehouse, spec, people, Fitting(self._slice_conversions, workers=workers))
            _check_enough(fitted, conversions_min)  # a refused run stores nothing
            fact = to_arrow("facts", [(Fact(f"{SHARES}:{spec.run_id}", to_json(fitted), spec.as_of_us),)])
            self._warehouse.insert("facts", fact, f"{SHARES}:{spec.run_id}:{secrets.token_hex(8)}")
            stored = self._stored_shares(spec)
        if stored is None:
            raise WarehouseError(
                f"the shares of run {spec.run_id} are not stored after an insert; try again", retryable=True
            )
        _check_enough(stored, conversions_min)
        return stored

    def _stored_shares(self, spec: RunSpec) -> Shares | None:
        table = self._warehouse.query(
            f"SELECT value FROM {DATABASE}.facts WHERE name = {{name:String}} ORDER BY ts, value LIMIT 1",
            {"name": f"{SHARES}:{spec.run_id}"},
        )
        return from_json(str(scalar_of(table))) if table.num_rows else None

    def _compute(
        self, spec: RunSpec, people: IdentityMap, shares: Shares, fits: Fits, workers: int, progress: Progress
    ) -> Run:
        fits = {**fits, **{model: ByPartner.from_weights(weights_of(fitted)) for model, fitted in shares.items()}}
        count = RunReader(self._warehouse, spec).count()
        # With reuse other than `reuse`, touches are used up over the whole range, which is then one slice.
        slices = max(1, -(-count // self._slice_conversions)) if spec.reuse == "reuse" else 1
        done: dict[int, _Slice] = {}
        todo, attempt = list(range(slices)), ""
        for _ in range(_ATTEMPTS_MAX):
            present = self._present(spec.run_id)

            def work(number: int, present: BlockCounts = present, attempt: str = attempt) -> tuple[int, _Slice]:
                return number, self._slice(spec, people, fits, (number, slices), present, attempt)

            with ThreadPoolExecutor(workers) as pool:
                for number, result in pool.map(work, todo):
                    done[number] = result
                    progress(len(done), slices)
            present, attempt = self._present(spec.run_id), secrets.token_hex(8)
            todo = [
                n
                for n, slice_ in done.items()
                if any(present.get(block) != rows for block, rows in slice_.rows.items())
            ]
            if not todo:
                return self._complete(spec, slices, done, shares)
        raise WarehouseError(f"rows of run {spec.run_id} are not stored after {_ATTEMPTS_MAX} inserts", retryable=True)

    def _present(self, run_id: str) -> BlockCounts:
        """Count the stored rows by slice and block."""
        table = self._warehouse.query(
            f"SELECT _partition, _batch, toInt64(uniqExact(_offset)) AS n FROM {DATABASE}.credits "
            "WHERE run_id = {id:String} GROUP BY _partition, _batch",
            {"id": run_id},
        )
        return {(row["_partition"], row["_batch"]): row["n"] for row in dicts_of(table)}

    def _slice(
        self,
        spec: RunSpec,
        people: IdentityMap,
        fits: Fits,
        slice_of: tuple[int, int],
        present: BlockCounts,
        attempt: str,
    ) -> _Slice:
        number, slices = slice_of
        reader = RunReader(self._warehouse, spec, people)
        cases = cases_of(self._warehouse, spec, reader, number, slices)
        result = self._rows(spec, reader, cases, fits)
        blocks = blocks_of(result.credits, number, BLOCK_ROWS_MAX)
        for block_number, block in enumerate(blocks):
            stored = present.get((number, block_number), 0)
            if stored < block.num_rows:
                missing = self._missing(spec.run_id, number, block_number, block) if stored else block
                self._warehouse.insert("credits", missing, f"run:{spec.run_id}:{number}:{block_number}:{attempt}")
        rows = {(number, block_number): block.num_rows for block_number, block in enumerate(blocks)}
        return _Slice(result.conversions, result.failed, result.values, rows)

    def _missing(self, run_id: str, slice_number: int, block_number: int, block: pa.Table) -> pa.Table:
        stored = self._warehouse.query(
            f"SELECT DISTINCT _offset FROM {DATABASE}.credits WHERE run_id = {{id:String}} "
            "AND _partition = {slice:UInt32} AND _batch = {block:UInt64}",
            {"id": run_id, "slice": slice_number, "block": block_number},
        )
        return block.filter(pc.invert(pc.is_in(block.column("_offset"), stored.column(0).combine_chunks())))

    def _rows(self, spec: RunSpec, reader: RunReader, cases: list[ConversionCase], fits: Fits) -> SliceRows:
        """Compute the credits of the cases; halve the batch if it has too many touches."""
        try:
            rows, _ = TouchReader(reader.touches).candidates(cases)
            return build_rows(spec, cases, rows, fits, reader.stitch)
        except TooManyTouches:
            if len(cases) <= 1 or spec.reuse != "reuse":
                raise
            middle = len(cases) // 2
            return merge_slices([self._rows(spec, reader, half, fits) for half in (cases[:middle], cases[middle:])])

    def _complete(self, spec: RunSpec, slices: int, done: Mapping[int, _Slice], shares: Shares) -> Run:
        values: dict[str, int] = {}
        for computed in done.values():
            for currency, value in computed.values.items():
                values[currency] = values.get(currency, 0) + value
        run = Run(
            run_id=spec.run_id, as_of=spec.as_of_us, parameters=spec.parameters, slices=slices,
            conversions=sum(computed.conversions for computed in done.values()),
            failed=sum(computed.failed for computed in done.values()),
            rows=sum(sum(computed.rows.values()) for computed in done.values()),
            values=dict(sorted(values.items())), shares=to_json(shares),
        )  # fmt: skip
        self._warehouse.insert("runs", to_arrow("runs", [(run,)]), f"run:{spec.run_id}:{secrets.token_hex(8)}")
        return run
