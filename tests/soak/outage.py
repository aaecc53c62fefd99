"""Make Kafka unavailable for minutes, under load: `python -m tests.soak.outage --minutes 10` prints memory."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.soak.load import Load
from tests.soak.oracle import Verdict, judge
from tests.soak.servers import ProgressCallback, Scene, scene

MIB = 1024 * 1024


@dataclass
class Outage:
    """Memory over time, and what was found afterwards."""

    samples: list[tuple[float, dict[str, float]]]
    spilled_records: float
    drained_in_s: float
    load: Load
    verdict: Verdict


def _memory_mib(made: Scene) -> dict[str, float]:
    return {station.name: station.memory_bytes / MIB for station in made.installation.stations}


async def _away(
    made: Scene, minutes: float, load: Load, say: ProgressCallback
) -> tuple[list[tuple[float, dict[str, float]]], float]:
    """Sample every process while there is no broker; how many records were spilled at the end."""
    running = asyncio.create_task(load.run())
    await asyncio.sleep(10)
    samples = [(0.0, _memory_mib(made))]
    for node in made.brokers:
        await made.do(made.kafka.kill, node)
    started = time.monotonic()
    step_s = min(60.0, minutes * 60 / 4)
    while (passed_s := time.monotonic() - started) < minutes * 60:
        await asyncio.sleep(step_s)
        samples.append((passed_s + step_s, _memory_mib(made)))
        say(f"{samples[-1][0]:.0f} s: {', '.join(f'{n} {m:.0f}' for n, m in samples[-1][1].items())} MiB")
    spilled = sum([tracker.metric("clew_spill_records") for tracker in made.installation.trackers])
    for node in made.brokers:
        await made.do(made.kafka.restart, node)
    load.stopping.set()
    await running
    return samples, spilled


def outage(made: Scene, minutes: float, seed: int, say: ProgressCallback, pause_s: float) -> Outage:
    """Load, no Kafka, Kafka again, all drained, judged."""
    load = Load(made.installation.urls, seed, pause_s)
    samples, spilled = asyncio.run(_away(made, minutes, load, say))
    started = time.monotonic()
    while any(tracker.metric("clew_spill_records") for tracker in made.installation.trackers):
        if time.monotonic() - started > 300:
            raise AssertionError("the spill is not drained after 300 s")
        time.sleep(0.2)
    drained_s = time.monotonic() - started
    made.installation.settle(600)
    return Outage(samples, spilled, drained_s, load, judge(made.installation, load.answered))


def report(result: Outage) -> str:
    """Format the result for people."""
    names = list(result.samples[0][1])
    lines = ["MiB after s  " + "  ".join(f"{name:>12}" for name in names)]
    lines += [f"{at:11.0f}  " + "  ".join(f"{mib[name]:12.0f}" for name in names) for at, mib in result.samples]
    answered, verdict = result.load.answered, result.verdict
    lines += [
        f"spilled {result.spilled_records:.0f} records, drained {result.drained_in_s:.1f} s after Kafka was back",
        f"acknowledged {verdict.acknowledged}, of them conversions before Kafka had them {answered.spilled}; "
        f"lost {verdict.lost}, doubled {verdict.doubled}, audit and money {'ok' if verdict.ok else 'FAILED'}",
        *(f"  {line}" for line in verdict.found),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Kafka away for minutes, under load.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="clew-outage-"))
    say: ProgressCallback = lambda text: sys.stderr.write(text + "\n")  # noqa: E731
    with scene(folder, options.seed, brokers=1) as made:
        result = outage(made, options.minutes, options.seed, say, 0.02)
    sys.stdout.write(report(result))
    if result.verdict.ok:
        shutil.rmtree(folder)
    return 0 if result.verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
