"""Publishing from the database of the control plane: 1,000,000 links, 100,000 partners, 1,000 offers, on SQLite."""

import resource
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.measure import Result, median
from control.address import SqliteFile
from control.configuration import Configuration
from control.start import start_django
from runtime.settings import Settings

LINKS, PARTNERS, OFFERS, PARTNER_PLANS = 1_000_000, 100_000, 1_000, 4_500
_BATCH_ROWS = 10_000
_REPEATS = 21
T = TypeVar("T")


def run(folder: Path) -> Iterator[Result]:
    """Measure seconds and new bytes of the first version, of one new link, and of one new plan."""
    address = SqliteFile(folder / "control.sqlite")
    start_django(Configuration(address, Settings(), "key-of-a-benchmark-which-is-long-enough"))
    from control.accounts.actor import command_line
    from control.migrate import migrate
    from control.program.models import Offer
    from control.program.publishing import publish
    from control.program.routing import rebuild_routes
    from control.program.services.links import create_link, create_links
    from control.program.services.terms_rows import create_plan

    migrate(address)
    _fill()
    actor = command_line()
    yield from _measured("first version of 1,000,000 links", lambda: publish(actor), 1)
    yield from _measured("one new link, published", lambda: create_link(actor, 1, 1), _REPEATS)
    items = [{"offer": 1 + n % OFFERS, "partner": 1 + n} for n in range(1_000)]
    yield from _measured("1,000 new links at once, published", lambda: create_links(actor, items), 3)

    def new_plan() -> None:
        offer = Offer.objects.get(number=1)
        create_plan(actor, {"offer": offer, "percent_e6": 9_000_000 + next(rates)})
        publish(actor)

    rates = iter(range(1_000))
    yield from _measured("one new plan, published", new_plan, 3)
    _, seconds = _timed(rebuild_routes)
    yield Result("all routes built from the rows again", seconds, "s")
    yield Result("peak memory of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB")


def _measured(name: str, work: Callable[[], Any], repeats: int) -> Iterator[Result]:
    seconds, sizes = [], []
    for _ in range(repeats):
        before = _stored_bytes()
        seconds.append(_timed(work)[1])
        sizes.append(_stored_bytes() - before)
    yield Result(name, median(seconds), "s") if median(seconds) >= 1 else Result(name, median(seconds) * 1e3, "ms")
    yield Result(f"{name}: new contents", median(sizes) / 1e3, "kB")


def _stored_bytes() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(length(content)) FROM program_programpart")
        return int(cursor.fetchone()[0] or 0)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def _fill() -> None:
    """Insert the rows without their audit events, which are no part of publishing."""
    from control.partners.models import Partner
    from control.program.models import Link, Offer, Plan

    partners = range(1, PARTNERS + 1)
    insert_rows(Partner, (Partner(number=n, name=f"Partner {n}", status="active") for n in partners))
    url = "https://shop.example/landing?cid={click_id}"
    offers = range(1, OFFERS + 1)
    insert_rows(Offer, (Offer(number=n, name=f"Offer {n}", status="active", landing_url=url) for n in offers))
    links = range(LINKS)
    insert_rows(Link, (Link(code=f"{n:07}", offer_id=1 + n % OFFERS, partner_id=1 + n % PARTNERS) for n in links))
    insert_rows(Plan, (Plan(key=f"offer={n}", offer_id=n, percent_e6=8_000_000) for n in offers))
    pairs = ((1 + n % OFFERS, 1 + n) for n in range(PARTNER_PLANS))
    insert_rows(
        Plan,
        (Plan(key=f"offer={o},partner={p}", offer_id=o, partner_id=p, percent_e6=8_500_000) for o, p in pairs),
    )


def insert_rows(model: Any, rows: Iterator[Any]) -> None:
    """Insert rows without audit events."""
    from django.db import models, transaction

    with transaction.atomic():
        while batch := list(islice(rows, _BATCH_ROWS)):
            models.QuerySet(model).bulk_create(batch)
