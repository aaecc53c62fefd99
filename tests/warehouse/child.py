"""A process that opens a warehouse, inserts one batch twice over and dies without closing anything.

`python -m tests.warehouse.child FOLDER`: says "ready" when the rows are in, and waits to be killed.
"""

import subprocess
import sys
from pathlib import Path

from runtime.settings import Settings
from schemas.ddl import DATABASE
from tests.conftest import ROOT
from tests.contracts.warehouse import joins
from warehouse.address import ChdbFolder
from warehouse.open import open_warehouse
from warehouse.port import scalar_of


def start(folder: Path) -> "subprocess.Popen[str]":
    """The process, with its standard streams."""
    command = [sys.executable, "-m", "tests.warehouse.child", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ready(process: "subprocess.Popen[str]") -> str:
    """Print a line about the rows once they are stored."""
    assert process.stdout is not None
    while line := process.stdout.readline():
        if line.startswith("rows "):
            return line.strip()
    return f"ended with {process.wait()}"


if __name__ == "__main__":
    opened = open_warehouse(ChdbFolder(Path(sys.argv[1])), Settings())
    for number in range(3):
        opened.insert("joins", joins(5, first=number * 5), f"token{number}")
    count = scalar_of(opened.query(f"SELECT count() FROM {DATABASE}.joins"))
    sys.stdout.write(f"rows {count}\n")
    sys.stdout.flush()
    sys.stdin.readline()
