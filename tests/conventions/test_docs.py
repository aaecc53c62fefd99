"""The generated references say what the code says."""

import importlib

import pytest

from tests.conventions.tree import ROOT


def test_generated_docs_are_fresh() -> None:
    if not (ROOT / "clew" / "docs.py").exists() and not (ROOT / "clew" / "docs").is_dir():
        pytest.skip("clew.docs is not written yet")
    stale = []
    for path, text in importlib.import_module("clew.docs").render().items():
        file = ROOT / path
        if not file.exists() or file.read_text("utf-8") != text:
            stale.append(str(path))
    assert stale == [], "run `make docs` and commit what it wrote"
