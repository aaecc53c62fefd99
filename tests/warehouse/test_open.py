"""Opening a warehouse."""

import subprocess
import sys
from pathlib import Path

_CODE = """
import sys
from pathlib import Path
from runtime.settings import Settings
from schemas.columns import to_arrow
from warehouse.address import ChdbFolder
from warehouse.open import open_warehouse

opened = open_warehouse(ChdbFolder(Path(sys.argv[1])), Settings())
opened.execute("CREATE TABLE clew.numbers (n UInt32) ENGINE = MergeTree ORDER BY n")
import pyarrow
opened.insert("numbers", pyarrow.table({"n": pyarrow.array([1, 2], pyarrow.uint32())}), "token")
print(opened.query("SELECT sum(n) AS total FROM clew.numbers")["total"][0].as_py(), "pandas" in sys.modules)
opened.close()
"""


def test_no_process_imports_pandas(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _CODE, str(tmp_path / "chdb")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100)
    assert done.stdout == "3 False\n", done.stderr
