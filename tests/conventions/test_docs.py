"""The generated references say what the code says."""

from tests.conventions.tree import ROOT
from tools.reference_docs import render


def test_generated_docs_are_fresh() -> None:
    stale = []
    for path, text in render().items():
        file = ROOT / path
        if not file.exists() or file.read_text("utf-8") != text:
            stale.append(str(path))
    assert stale == [], "run `make docs` and commit what it wrote"
