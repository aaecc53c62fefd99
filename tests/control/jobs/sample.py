"""Tasks that only tests have, and a worker as a process of its own."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from control.jobs.registry import GiveUp, JobRun, task


@task("sample.note")
def note(run: JobRun, arguments: Mapping[str, Any]) -> None:
    """Append a line to a file; first tell that the work began, and wait until the file `after` is there."""
    file = Path(arguments["file"])
    with file.open("a") as lines:
        lines.write(f"began {arguments['text']}\n")
    run.progress(1, 2)
    while "after" in arguments and not Path(arguments["after"]).exists():
        time.sleep(0.01)
    with file.open("a") as lines:
        lines.write(f"{arguments['text']}\n")


@task("sample.fails", attempts_max=3)
def fails(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    raise ValueError("on purpose")


@task("sample.gives_up")
def gives_up(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    raise GiveUp("never again")


@task("sample.ends_process", attempts_max=2)
def ends_process(_run: JobRun, _arguments: Mapping[str, Any]) -> None:
    """End the process as a fault of the machine does."""
    import os

    os._exit(9)


def main() -> None:
    """Run `clew jobs` with these tasks: the arguments are those of the command."""
    from clew.__main__ import main as clew

    sys.argv = ["clew", "jobs", *sys.argv[1:]]
    clew()


if __name__ == "__main__":
    main()
