"""The generated references and the generated client say what the code says."""

from pathlib import Path

from tests.conventions.tree import ROOT
from tools.client_code import FOLDER, write
from tools.reference_docs import render


def test_generated_docs_are_fresh() -> None:
    stale = []
    for path, text in render().items():
        file = ROOT / path
        if not file.exists() or file.read_text("utf-8") != text:
            stale.append(str(path))
    assert stale == [], "run `make docs` and commit what it wrote"


def test_generated_client_is_fresh(tmp_path: Path) -> None:
    write(tmp_path / "new")
    new = {file.name: file.read_text("utf-8") for file in (tmp_path / "new").glob("*.py")}
    old = {file.name: file.read_text("utf-8") for file in (ROOT / FOLDER).glob("*.py")}
    stale = sorted(name for name in new.keys() | old.keys() if new.get(name) != old.get(name))
    assert stale == [], "run `make docs` and commit what it wrote: an endpoint has changed, and the client follows it"
