"""The example module of docs/design/modules.md works from end to end, and the rest works without it."""

import subprocess
import sys
from pathlib import Path

from django.apps import apps

from tests.conventions.tree import ROOT


def test_a_module_is_one_folder(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.control.example.walk", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert not apps.is_installed("tests.control.example")


def test_the_page_about_modules_names_every_file() -> None:
    page = (ROOT / "docs/design/modules.md").read_text("utf-8")
    folder = ROOT / "tests/control/example"
    files = {str(file.relative_to(folder)) for file in folder.rglob("*.py") if file.stat().st_size}
    assert {name for name in files - {"__init__.py"} if f"`{name}`" not in page} == set()
