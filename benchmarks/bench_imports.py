"""Imports of 100,000 partners on SQLite: dry run, application, and undo, in processor time of one core."""

import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import Result
from control.address import SqliteFile
from control.configuration import Configuration
from control.start import start_django
from runtime.settings import Settings

ROWS = 100_000
_HEADINGS = "Partner name,E-mail,Company,Country,Status,Website,Tier,Tags,custom: shop\n"
DRY_RUN_MAX_S, APPLY_MAX_S = 60, 120


def run(folder: Path) -> Iterator[Result]:
    """Import new partners, then the same ones with another tier, and undo both."""
    address = SqliteFile(folder / "control.sqlite")
    start_django(Configuration(address, Settings(), "key-of-a-benchmark-which-is-long-enough"))
    from control.accounts.actor import command_line
    from control.imports import services
    from control.imports.models import Import
    from control.imports.run import run as work
    from control.migrate import migrate

    migrate(address)
    services.AT_ONCE_ROWS_MAX = 0  # as a job does it, with its pauses
    boss = command_line()

    def worked(name: str, found: Import, start: Callable[[], object], most_s: float = 0) -> Result:
        start()
        began_s = time.process_time()
        work(found.pk, boss, lambda _done, _total: None)
        spent_s = time.process_time() - began_s
        return Result(name, spent_s, "s", "the limit" if most_s else "", most_s or None)

    made = []
    for what, tier in (("new", "Gold"), ("changed", "Silver")):
        found = services.upload(boss, "partners", "partners.csv", _lines(tier))
        made.append(found)
        yield worked(f"dry run, all {what}", found, lambda at=found: services.start_dry_run(boss, at.pk), DRY_RUN_MAX_S)
        yield worked(f"apply, all {what}", found, lambda at=found: services.start_apply(boss, at.pk), APPLY_MAX_S)
    yield worked("undo, all changed", made[1], lambda: services.start_undo(boss, made[1].pk))
    yield Result("peak memory of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB")


def _lines(tier: str) -> Iterator[bytes]:
    yield _HEADINGS.encode()
    for n in range(ROWS):
        place = f"partner{n}.example"
        yield f'Partner {n},team{n}@{place},Company {n},DE,active,https://{place}/,{tier},"a,b",shop {n}\n'.encode()
