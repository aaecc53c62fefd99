"""`python -m benchmarks [NAME…] [--json]`: run all benchmarks or the named ones.

Each runs in a separate directory and process.
"""

import argparse
import json
import multiprocessing
import sys
from pathlib import Path

from benchmarks.measure import machine
from benchmarks.runner import run_one

NAMES = tuple(sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py")))


def main() -> int:
    parser = argparse.ArgumentParser(description="One benchmark per hop, beside its peer or limit.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all unless given")
    parser.add_argument("--json", action="store_true", help="one JSON line per figure")
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if not options.json:
        sys.stdout.write(f"{machine()}\n")
    spawn = multiprocessing.get_context("spawn")  # the engine allows one directory per process, and cannot be forked
    for name in options.names or NAMES:
        with spawn.Pool(1) as pool:
            for result in pool.apply(run_one, (name,)):
                sys.stdout.write((json.dumps(result.json()) if options.json else result.line()) + "\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
