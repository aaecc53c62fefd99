"""Failures of concurrent work: one failing shard does not stop the others, and the first error is raised at the end."""

import asyncio
from collections.abc import Coroutine, Sequence

from eventlog.port import LogUnavailable
from warehouse.port import WarehouseError


async def run_all(work: Sequence[Coroutine[None, None, None]]) -> list[Exception]:
    """Run all to completion. Returns errors of warehouse and log; raises any other."""
    failures: list[Exception] = []
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, WarehouseError | LogUnavailable):
            failures.append(result)
        elif isinstance(result, BaseException):
            raise result
    return failures


def raise_first(failures: Sequence[Exception]) -> None:
    """Raise the first of the failures, if there are any."""
    if failures:
        raise failures[0]
