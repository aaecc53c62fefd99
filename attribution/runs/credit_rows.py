"""Compute the credits of a run from journeys and models, as columns. Pure.

A run also stores the touches that got nothing, each with its reason: all touches within the offer's longest window
before the conversion, and the named touch. Rows are sorted by model, conversion and touch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.core.credits import WEIGHT_ONE, ConversionCase, to_columns
from attribution.core.journeys import ConversionColumns, Journeys, TouchRows, build, why_unattributed
from attribution.core.net_value import NetValue, net_value
from attribution.core.weights import Fits, reasons, weigh
from attribution.kernels.allocate import allocate
from attribution.kernels.checks import Array, Ints
from attribution.runs.spec import RunSpec
from attribution.runs.touch_reuse import used_up
from program.entries import UNATTRIBUTED
from schemas.columns import arrow_schema

Stitch = Callable[[ConversionColumns], ConversionColumns]
"""Replaces the identities of conversions by the canonical ones of their persons."""

SOURCE = "run"
"""`_source` of a run's credits, which have no position in a log or pass."""


@dataclass(frozen=True, slots=True)
class SliceRows:
    """Credits of some conversions with their sums. `values` holds minor units by currency."""

    credits: pa.Table
    conversions: int
    failed: int
    values: Mapping[str, int]


def build_rows(
    spec: RunSpec,
    cases: Sequence[ConversionCase],
    rows: TouchRows,
    fits: Fits,
    stitch: Stitch = lambda conversions: conversions,
) -> SliceRows:
    """Compute the credits of the cases under each model of the run. A case that cannot be computed is only counted.

    `rows` are the touches of the cases' identities, under the canonical ones that `stitch` gives. `fits` holds the
    weights of fitted models. Raises TooManyTouches.
    """
    try:
        return _build_rows_together(spec, cases, rows, fits, stitch)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        if len(cases) <= 1:
            return SliceRows(arrow_schema("credits").empty_table(), 0, len(cases), {})
        middle = len(cases) // 2
        return merge_slices([build_rows(spec, half, rows, fits, stitch) for half in (cases[:middle], cases[middle:])])


def merge_slices(parts: Sequence[SliceRows]) -> SliceRows:
    """Merge slices, sorted by model, conversion and position, as if they had been computed together."""
    values: dict[str, int] = {}
    for part in parts:
        for currency, value in part.values.items():
            values[currency] = values.get(currency, 0) + value
    table = pa.concat_tables([part.credits for part in parts])
    keys = [("model", "ascending"), ("conversion_id", "ascending"), ("_offset", "ascending")]
    table = table.take(pc.sort_indices(table, sort_keys=keys)) if len(parts) > 1 else table
    return SliceRows(table, sum(p.conversions for p in parts), sum(p.failed for p in parts), values)


def journeys_of(
    spec: RunSpec, cases: Sequence[ConversionCase], rows: TouchRows, stitch: Stitch
) -> tuple[ConversionColumns, Journeys]:
    """Return the cases as columns, and their journeys; reuse `reset` marks used touches. Raises TooManyTouches."""
    conversions = stitch(to_columns(cases))
    journeys = _within_windows(conversions, build(conversions, rows))
    return conversions, used_up(journeys, _order_of(cases), None) if spec.reuse == "reset" else journeys


def _order_of(cases: Sequence[ConversionCase]) -> Ints:
    """Return the indices of the cases, sorted by (event_ts, conversion_id)."""
    events = [case.event for case in cases]
    order = sorted(range(len(events)), key=lambda c: (events[c].event_ts, events[c].conversion_id))
    return np.array(order, np.int64)


def _build_rows_together(
    spec: RunSpec, cases: Sequence[ConversionCase], rows: TouchRows, fits: Fits, stitch: Stitch
) -> SliceRows:
    _, journeys = journeys_of(spec, cases, rows, stitch)
    net_values = [net_value(case.event, case.adjustments)[0] for case in cases]
    columns = _Columns.from_cases(cases, net_values)
    order = _order_of(cases) if spec.reuse == "consume" else None
    tables = []
    for model in spec.models:
        model_journeys = used_up(journeys, order, model, fits) if order is not None else journeys
        tables.append(_model_rows(spec.run_id, model, model_journeys, columns, fits))
    values: dict[str, int] = {}
    for case, now in zip(cases, net_values, strict=True):
        values[case.event.currency] = values.get(case.event.currency, 0) + now.value_minor
    return SliceRows(pa.concat_tables(tables), len(cases), 0, values)


def _within_windows(conversions: ConversionColumns, journeys: Journeys) -> Journeys:
    """Drop touches that were read only for other conversions of the slice; they depend on how slices are cut."""
    c = np.repeat(np.arange(conversions.event_ts.shape[0]), np.diff(journeys.offsets))
    age = conversions.event_ts[c] - journeys.ts
    kept = ((age >= 0) & (age <= conversions.window_us.max(axis=1)[c])) | (journeys.named != 0)
    counts = np.bincount(c[kept], minlength=conversions.event_ts.shape[0])
    return Journeys(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), journeys.touch[kept], journeys.named[kept],
        journeys.winner[kept],
        journeys.precedence[kept], journeys.direct[kept], journeys.codes[kept], journeys.touches,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Columns:
    """Columns of a conversion that each of its credits repeats."""

    conversion_id: pa.Array
    event_ts: Ints
    offer_id: Ints
    value_minor: Ints
    currency: Array
    status: Array

    @classmethod
    def from_cases(cls, cases: Sequence[ConversionCase], net_values: Sequence[NetValue]) -> "_Columns":
        events = [case.event for case in cases]
        return cls(
            pa.array([event.conversion_id for event in events], pa.binary(16)),
            np.array([event.event_ts for event in events], np.int64),
            np.array([event.offer_id for event in events], np.int64),
            np.array([now.value_minor for now in net_values], np.int64),
            np.array([event.currency for event in events], object),
            np.array([now.status for now in net_values], object),
        )


def _model_rows(run_id: str, model: str, journeys: Journeys, conversions: _Columns, fits: Fits) -> pa.Table:
    weights = weigh(model, journeys, fits)
    words = reasons(model, journeys, weights)
    count = conversions.event_ts.shape[0]
    e12 = allocate(journeys.offsets, np.full(count, WEIGHT_ONE, np.int64), weights)
    values = allocate(journeys.offsets, conversions.value_minor, weights)
    c = np.repeat(np.arange(count), np.diff(journeys.offsets))
    unattributed = np.flatnonzero(np.bincount(c[weights > 0], minlength=count) == 0)
    none = np.zeros(unattributed.shape[0], np.int64)
    touches, t = journeys.touches, journeys.touch
    # Touches of a conversion first, then its unattributed line; both in the order of conversions.
    row_c = np.concatenate([c, unattributed])
    order = np.argsort(row_c, kind="stable")
    position = np.arange(row_c.shape[0]) - np.searchsorted(row_c[order], row_c[order], "left")
    why = [_why(journeys, number) for number in unattributed.tolist()]
    tokens = np.concatenate([touches.touch_id[t], np.zeros(unattributed.shape[0], "S27")])[order]
    c_of_row = row_c[order]
    return _table(
        {
            "conversion_id": conversions.conversion_id.take(pa.array(c_of_row)),
            "event_ts": conversions.event_ts[c_of_row],
            "offer_id": conversions.offer_id[c_of_row],
            "touch_id": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(27), len(c_of_row), [None, pa.py_buffer(tokens)]
            ),
            "partner_id": np.concatenate([journeys.partner, none + UNATTRIBUTED])[order],
            "weight_e12": np.concatenate([e12, none + WEIGHT_ONE])[order],
            "value_minor": np.concatenate([values, conversions.value_minor[unattributed]])[order],
            "currency": conversions.currency[c_of_row],
            "reason": np.concatenate([words, np.array(why, object)])[order],
            "status": conversions.status[c_of_row],
            "_offset": position,
        },
        {"run_id": run_id, "model": model, "_source": SOURCE},
    )


def _why(journeys: Journeys, number: int) -> str:
    lo, hi = int(journeys.offsets[number]), int(journeys.offsets[number + 1])
    return why_unattributed(journeys.codes[lo:hi].tolist(), journeys.named[lo:hi].tolist()).value


_CONSTANTS: Mapping[str, int] = {"revision": 1, "sign": 1, "paying": 0, "_partition": 0, "_batch": 0}


def _table(columns: Mapping[str, Array | pa.Array], texts: Mapping[str, str]) -> pa.Table:
    """Build table `credits`; columns that are not given are constant."""
    count, arrays = len(columns["_offset"]), []
    for field in arrow_schema("credits"):
        if field.name in columns:
            given = columns[field.name]
            arrays.append(given if isinstance(given, pa.Array) else pa.array(given).cast(field.type))
        else:
            constant = texts.get(field.name, "") if pa.types.is_string(field.type) else _CONSTANTS[field.name]
            arrays.append(pa.repeat(pa.scalar(constant, field.type), count))
    return pa.Table.from_arrays(arrays, schema=arrow_schema("credits"))


def blocks_of(credits: pa.Table, slice_number: int, rows_max: int) -> list[pa.Table]:
    """Cut the rows into blocks of at most `rows_max` rows, each with its slice, block and position."""
    blocks = []
    for number, start in enumerate(range(0, credits.num_rows, rows_max)):
        block = credits.slice(start, rows_max)
        sources = {
            "_partition": np.full(block.num_rows, slice_number),
            "_offset": np.arange(block.num_rows),
            "_batch": np.full(block.num_rows, number),
        }
        for name, values in sources.items():
            index = block.schema.get_field_index(name)
            field = block.schema.field(index)
            block = block.set_column(index, field, pa.array(values).cast(field.type))
        blocks.append(block)
    return blocks
