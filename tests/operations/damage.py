"""Executes statements on the warehouse of a stopped installation: `python -m tests.operations.damage FOLDER SQL…`.

It is a process of its own because the engine opens one directory per process.
"""

import sys
from pathlib import Path

from runtime.settings import Settings
from warehouse.address import ChdbFolder
from warehouse.open import open_warehouse


def main(folder: Path, statements: list[str]) -> None:
    warehouse = open_warehouse(ChdbFolder(folder), Settings())
    for statement in statements:
        warehouse.execute(statement)
    warehouse.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
