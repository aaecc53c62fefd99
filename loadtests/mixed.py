"""Run the mixed profile headless on a server of its own, then compare what was accepted with what is stored."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import machine
from tests.serving import serving

LOCUSTFILE = Path(__file__).with_name("locustfile.py")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests mixed", description=__doc__)
    parser.add_argument("--users", type=int, default=20, help="visitors at a time, each without a pause (default 20)")
    parser.add_argument("--seconds", type=int, default=20, help="length of the run (default 20)")
    parser.add_argument("--workers", type=int, default=1, help="edge processes (default 1)")
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="clew-load-") as folder,
        serving(Path(folder), workers=options.workers) as server,
    ):
        counts = Path(folder) / "accepted.json"
        done = subprocess.run(
            [sys.executable, "-m", "locust", "-f", LOCUSTFILE, "--headless", "--only-summary", "--loglevel", "WARNING",
             "--users", str(options.users), "--spawn-rate", str(options.users), "--run-time", f"{options.seconds}s",
             "--host", f"http://127.0.0.1:{server.port}"],
            env=os.environ | {"CLEW_LOAD_ACCEPTED_FILE": str(counts)}, timeout=options.seconds + 120,
        )  # fmt: skip
        server.settle()
        accepted = json.loads(counts.read_text())
        stored = {table: int(server.sql(f"SELECT count() AS n FROM {table}")[0]["n"]) for table in sorted(accepted)}
        is_sound = bool(server.json("audit")["ok"])
    print(machine())
    for table, number in stored.items():
        print(f"{table}: {accepted[table]} accepted, {number} stored")
    print("audit ok" if is_sound else "audit failed")
    # A request that is cut off at the end of the run may be stored without having been counted.
    complete = all(accepted[table] <= number <= accepted[table] + options.users for table, number in stored.items())
    return 0 if done.returncode == 0 and complete and is_sound else 1
