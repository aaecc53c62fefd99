"""A process that appends as fast as it can and says what was answered; tests kill it or let it end.

`python -m tests.eventlog.load FOLDER WORKER CALLS`: each line on stdout is a JSON list of [topic, partition,
offset, txn_id or value], written after the append was answered.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from eventlog.port import Producer
from runtime.logs import configure_logs
from schemas.events import CONVERSIONS, HITS
from tests.conftest import ROOT
from tests.eventlog.log_fixture import SqliteFixture
from tests.schemas.samples import conversion, wire

RecordPosition = tuple[str, int, int, str]


def start(folder: Path, worker: int, calls: int) -> "subprocess.Popen[str]":
    """The process, with its standard output to read."""
    command = [sys.executable, "-m", "tests.eventlog.load", str(folder), str(worker), str(calls)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def places(lines: list[str]) -> list[RecordPosition]:
    """Parse the lines; skip a line that a kill cut off."""
    return [tuple(place) for line in lines if line.endswith("\n") for place in json.loads(line)]


def say(found: list[Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


async def append(producer: Producer, worker: int, call: int) -> None:
    """Two hits."""
    values = [f"{worker}-{call}-{n}" for n in range(2)]
    appended = await producer.append(HITS, b"", [value.encode() for value in values])
    say([[*one.partition, one.offset, value] for one, value in zip(appended, values, strict=True)])


async def sell(producer: Producer, worker: int, call: int) -> None:
    """A sale of its own and one that every worker sends."""
    txn_ids = [f"{worker}-{call}", f"shared-{call}"]
    results = await producer.decide(CONVERSIONS, [wire(conversion(txn_id)) for txn_id in txn_ids], keys=[b"", b""])
    accepted = [(one.appended, txn_id) for one, txn_id in zip(results, txn_ids, strict=True)]
    say([[*one.partition, one.offset, txn_id] for one, txn_id in accepted if one is not None])


async def main(folder: Path, worker: int, calls: int) -> None:
    producer = SqliteFixture(folder).producer(worker)
    for first in range(0, calls, 4):
        batch = range(first, min(first + 4, calls))
        await asyncio.gather(*(append(producer, worker, n) for n in batch), *(sell(producer, worker, n) for n in batch))
    await producer.close()


if __name__ == "__main__":
    configure_logs("load")  # logs on stderr: stdout is what tests read
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
