"""`clew diff`: compare the credits of two runs by partner or offer. The warehouse sums the credits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attribution.core.revisions import LIVE
from attribution.runs.find import run_named
from program.entries import UNATTRIBUTED
from program.labels import Labels
from reporting.report import Report, ReportColumn, Row, Value, checked, conversion_count, sort_key
from runtime.user_error import ReportError
from schemas.ddl import ANALYST, DATABASE
from schemas.values.money import format_minor
from warehouse.port import Warehouse, rows_of

DIMENSIONS = ("partner", "offer")
_COLUMNS = {"partner": "partner_id", "offer": "offer_id"}


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a diff: a run or `live`, and its models."""

    run_id: str
    models: tuple[str, ...]


def side_of(warehouse: Warehouse, text: str) -> Side:
    """Parse `RUN` or `RUN:MODEL`, where RUN is a run id, a prefix of one, or `live`.

    Raises ReportError if no run or several match, or if the run does not have the model.
    """
    name, _, model = text.partition(":")
    run_id = LIVE if name == LIVE else run_named(warehouse, name)
    table = warehouse.query(
        f"SELECT DISTINCT model FROM {ANALYST}.credits WHERE run_id = {{id:String}} ORDER BY model", {"id": run_id}
    )
    models = tuple(table.column(0).to_pylist())
    if model and model not in models:
        raise ReportError(f"{name} has no credits of {model}; its models are: {', '.join(models) or 'none'}")
    return Side(run_id, (model,) if model else models)


def diff_report(warehouse: Warehouse, labels: Labels, left: str, right: str, by: Sequence[str]) -> Report:
    """Compare two runs by partner and offer, per currency; changes are right minus left.

    If each side has one model, these two are compared. Otherwise each model that both sides have is compared.
    Raises ReportError, WarehouseError.
    """
    dimensions = checked(by, DIMENSIONS)
    a, b = side_of(warehouse, left), side_of(warehouse, right)
    if len(a.models) == 1 and len(b.models) == 1:
        pairs = [(a.models[0], b.models[0])]
    else:
        pairs = [(model, model) for model in a.models if model in b.models]
    if not pairs:
        raise ReportError(f"{left} and {right} have no model in common; write RUN:MODEL to compare two")
    rows = [row for pair in pairs for row in _pair(warehouse, labels, (a.run_id, b.run_id), pair, dimensions)]
    return Report("diff", tuple(_columns(dimensions)), tuple(rows))


def _pair(
    warehouse: Warehouse, labels: Labels, runs: tuple[str, str], models: tuple[str, str], dimensions: Sequence[str]
) -> list[Row]:
    sums = [_sums(warehouse, run, model, dimensions) for run, model in zip(runs, models, strict=True)]
    model = models[0] if models[0] == models[1] else f"{models[0]} > {models[1]}"
    rows = []
    for key in {*sums[0], *sums[1]}:
        *group, currency = key
        before, after = (side.get(key, (0, 0)) for side in sums)
        row: Row = {"model": model, **_named(labels, dict(zip(dimensions, group, strict=True))), "currency": currency}
        row |= {"conversions_1": conversion_count(before[0]), "conversions_2": conversion_count(after[0])}
        row |= {"conversions_change": conversion_count(after[0] - before[0])}
        money = {"value_1": before[1], "value_2": after[1], "value_change": after[1] - before[1]}
        rows.append(row | {name: format_minor(minor, currency) for name, minor in money.items()})
    return sorted(rows, key=lambda row: (*sort_key(row, [_COLUMNS[d] for d in dimensions]), row["currency"]))


def _sums(
    warehouse: Warehouse, run_id: str, model: str, dimensions: Sequence[str]
) -> dict[tuple[Any, ...], tuple[int, int]]:
    """Sum conversions in 1e-12 and value in minor units, by the dimensions and currency."""
    keys = [_COLUMNS[name] for name in dimensions]
    selected = ", ".join([*(f"toInt64({key}) AS {key}_" for key in keys), "currency"])
    table = warehouse.query(
        f"SELECT {selected}, toString(sum(toInt128(sign) * weight_e12)) AS conversions, "
        f"toString(sum(toInt128(sign) * value_minor)) AS value FROM {DATABASE}.credits "
        "WHERE run_id = {id:String} AND model = {model:String} "
        f"GROUP BY {', '.join([*(f'{key}_' for key in keys), 'currency'])}",
        {"id": run_id, "model": model},
    )
    sums: dict[tuple[Any, ...], tuple[int, int]] = {}
    for row in rows_of(table):
        weight, value = int(row["conversions"]), int(row["value"])
        if weight or value:
            sums[(*(row[f"{key}_"] for key in keys), row["currency"])] = weight, value
    return sums


def _named(labels: Labels, group: Mapping[str, Value]) -> Row:
    row: Row = {}
    if isinstance(number := group.get("partner"), int):
        name = "unattributed" if number == UNATTRIBUTED else labels.partners.get(number, "")
        row |= {"partner_id": number, "partner": name}
    if isinstance(number := group.get("offer"), int):
        row |= {"offer_id": number, "offer": labels.offers.get(number, "")}
    return row


def _columns(dimensions: Sequence[str]) -> list[ReportColumn]:
    named = {
        "partner": [
            ReportColumn("partner_id", "number", "partner; 0 is unattributed"),
            ReportColumn("partner", "text", "name of the partner in the program"),
        ],
        "offer": [
            ReportColumn("offer_id", "number", "offer"),
            ReportColumn("offer", "text", "name of the offer in the program"),
        ],
    }
    return [
        ReportColumn("model", "text", "model of both runs, or model of the first > model of the second"),
        *(column for name in dimensions for column in named[name]),
        ReportColumn("currency", "ISO 4217", "currency of the values"),
        ReportColumn("conversions_1", "count", "conversions that the first run credits"),
        ReportColumn("conversions_2", "count", "conversions that the second run credits"),
        ReportColumn("conversions_change", "count", "conversions_2 - conversions_1"),
        ReportColumn("value_1", "currency", "net value that the first run credits"),
        ReportColumn("value_2", "currency", "net value that the second run credits"),
        ReportColumn("value_change", "currency", "value_2 - value_1"),
    ]
