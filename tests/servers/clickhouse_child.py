"""ClickHouse's engine out of the chdb-core wheel as a server: `python -m tests.servers.clickhouse_child DATA PIPE`.

Listens as `config.xml` of the working directory says, until the named pipe's end of file. It is a private call of the
wheel, so it is for tests and development only; production uses the official server.
"""

import ctypes
import importlib.util
import os
import signal
import sys
import types
from pathlib import Path
from typing import Any

_DEEPBIND = 8
_PR_SET_PDEATHSIG = 1


def _engine() -> Any:
    """The wheel's extension. The package `chdb` itself must not be imported: its `__init__` starts another engine."""
    found = importlib.util.find_spec("chdb")
    assert found is not None and found.submodule_search_locations is not None
    folder = next(iter(found.submodule_search_locations))
    ctypes.CDLL(os.path.join(folder, "_chdb.abi3.so"), mode=sys.getdlopenflags() | _DEEPBIND)
    package = types.ModuleType("chdb")
    package.__path__ = [folder]
    sys.modules["chdb"] = package
    here = os.getcwd()
    os.chdir(folder)  # it looks there for its parts
    try:
        return importlib.import_module("chdb._chdb")
    finally:
        os.chdir(here)


def main(data: Path, pipe: Path) -> None:
    """Serve until the pipe ends. The format becomes the default of HTTP, where only TabSeparated is usual."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # never outlive the tests
    statements = (
        "SYSTEM START LISTEN HTTP;SYSTEM START LISTEN TCP;"
        f"SELECT count() FROM file('{pipe}', 'LineAsString', 'l String') SETTINGS max_threads = 1 FORMAT Null"
    )
    _engine().query(statements, "TabSeparated", path=str(data))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
