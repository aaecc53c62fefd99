"""`python -m tests.attacks`: every attack on a `clew serve` of its own, and a table of what it did.

`--root DIR` attacks the Clew of another checkout, for a table of before and after.
"""

import argparse
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from tests.attacks.clients import ATTACKS, idle_connections, still_open
from tests.attacks.measure import measure
from tests.serving import serving


def main() -> None:
    options = argparse.ArgumentParser(description="Attack an edge from outside and print what it did.")
    options.add_argument("--mib", type=int, default=48, help="most MiB that an attack sends (default 48)")
    options.add_argument("--root", type=Path, help="checkout whose Clew is attacked")
    options.add_argument("--idle-s", type=float, default=11.5, help="how long idle connections are watched")
    words = options.parse_args()
    environment = {"PYTHONPATH": str(words.root)} if words.root else {}
    for name, attack in ATTACKS.items():
        with tempfile.TemporaryDirectory() as folder, serving(Path(folder), environment=environment) as server:
            effect = measure(server, name, lambda a=attack: f"{a(server.port, words.mib << 20) >> 20} MiB taken")  # type: ignore[misc]
            print(effect.line(), flush=True)
    for opening in (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"):
        with tempfile.TemporaryDirectory() as folder, serving(Path(folder), environment=environment) as server:

            def idle(opening: bytes = opening) -> str:
                with idle_connections(server.port, 300, opening) as clients:
                    time.sleep(words.idle_s)
                    return f"{still_open(clients)} of {len(clients)} open after {words.idle_s:.0f} s"

            print(measure(server, "slow heads" if opening else "idle connections", idle).line(), flush=True)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), environment=environment) as server:
        (edge,) = server.pids_of("edge")
        subprocess.run(["prlimit", f"--pid={edge}", "--nofile=128:128"], check=True)

        def crowd() -> str:
            with idle_connections(server.port, 400) as clients:
                time.sleep(3)
                return f"{len(clients)} idle connections, 128 descriptors"

        print(measure(server, "descriptors run out", crowd).line(), flush=True)
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest child: {peak_mib:.0f} MiB")


if __name__ == "__main__":
    main()
