"""Send clicks at a constant rate to a server of its own; print latencies and whether every click is stored."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import machine, quantile
from loadtests.rate import constant_rate
from tests.serving import BROWSER, serving


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests rate", description=__doc__)
    parser.add_argument("--rate", type=float, default=1_000, help="clicks a second (default 1000)")
    parser.add_argument("--seconds", type=float, default=15, help="length of the run (default 15)")
    parser.add_argument("--connections", type=int, default=64, help="connections (default 64)")
    parser.add_argument("--workers", type=int, default=1, help="edge processes (default 1)")
    options = parser.parse_args(arguments)
    request = f"GET /c/bl-shoes?sub1=load HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {BROWSER}\r\n\r\n".encode()
    with (
        tempfile.TemporaryDirectory(prefix="clew-load-") as folder,
        serving(Path(folder), workers=options.workers) as server,
    ):
        found = asyncio.run(
            constant_rate("127.0.0.1", server.port, request, options.rate, options.seconds, options.connections)
        )
        server.settle()
        stored = int(server.sql("SELECT count() AS n FROM clicks")[0]["n"])
    ms = {q: quantile(found.seconds, q) * 1000 for q in (0.5, 0.95, 0.99)}
    sys.stdout.write(
        f"{machine()}\n{len(found.seconds)} clicks at {options.rate:.0f}/s: p50 {ms[0.5]:.1f} ms, "
        f"p95 {ms[0.95]:.1f} ms, p99 {ms[0.99]:.1f} ms, failed {found.failed}, stored {stored}\n"
    )
    return 0 if found.failed == 0 and stored == len(found.seconds) else 1
