"""KPI reports over 10 M clicks, compared with a plain count over the same rows."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import Result, median
from program.file import read_program
from reporting.kpi import kpi_report
from runtime.settings import Settings, environment_value
from tests.serving import PROGRAM
from warehouse.address import ChdbFolder
from warehouse.open import open_warehouse
from warehouse.port import Warehouse, scalar_of

CLICKS = 10_000_000
_BLOCK = 1_000_000
_START_US = 1_767_225_600_000_000  # 2026-01-01
_DAY_US = 86_400_000_000


def run(folder: Path) -> Iterator[Result]:
    """Measure seconds of three reports, median of three runs."""
    warehouse = open_warehouse(ChdbFolder(folder / "warehouse"), Settings())
    program = read_program(PROGRAM, environment_value).program
    assert program is not None
    try:
        _fill(warehouse)
        _wait_for_merges(warehouse)
        count = _time(
            lambda: warehouse.query("SELECT count(), uniqExact(visitor_hash) FROM clew.clicks WHERE is_bot = 0")
        )
        for name, by, days in (
            ("report kpi by partner,offer, all of 10 M clicks", ["partner", "offer"], 90),
            ("report kpi by partner,offer, one day of 10 M", ["partner", "offer"], 1),
            ("report kpi by day, all of 10 M clicks", ["day"], 90),
        ):
            seconds = _time(
                lambda by=by, days=days: kpi_report(warehouse, program, by, _START_US, _START_US + days * _DAY_US)
            )
            yield Result(name, seconds, "s", "count and unique visitors alone", count)
    finally:
        warehouse.close()


def _wait_for_merges(warehouse: Warehouse) -> None:
    """Wait for merges, because the rows were loaded in a minute instead of 90 days."""
    while scalar_of(warehouse.query("SELECT count() FROM system.merges WHERE database = 'clew'")):
        time.sleep(0.2)


def _time(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return median(seconds)


def _fill(warehouse: Warehouse) -> None:
    """Generate clicks of 90 days, 200 partners, 20 offers and 2 M visitors in the engine."""
    for at in range(0, CLICKS, _BLOCK):
        warehouse.execute(
            "INSERT INTO clew.clicks (click_id, ts, offer_id, partner_id, visitor_id, visitor_hash, is_bot, "
            "_log, _source, _partition, _offset) SELECT unhex(leftPad(hex(number), 54, '0')), "
            f"fromUnixTimestamp64Micro({_START_US} + toInt64(cityHash64(number) % {90 * _DAY_US})), "
            "101 + number % 20, 1 + cityHash64(number, 1) % 200, '', cityHash64(number, 2) % 2000000, "
            f"number % 20 = 0, 'bench', 'hits', 1, number FROM numbers({at}, {_BLOCK})"
        )
