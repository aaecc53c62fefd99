"""Files under version control are the project's own: no data directory and no key of an installation is among them."""

import subprocess
from pathlib import PurePosixPath

import pytest

from tests.conventions.tree import FOLDERS, ROOT

KEYS = {"keys.toml", "control.key", "machine.key", "engine.json"}


def strangers(paths: list[str]) -> list[str]:
    """Return the paths in unknown folders, and the files that an installation keeps for itself."""
    found = [PurePosixPath(path) for path in paths]
    return [str(path) for path in found if (len(path.parts) > 1 and path.parts[0] not in FOLDERS) or path.name in KEYS]


def test_strangers_are_found() -> None:
    known = ["README.md", "clew/__main__.py"]
    assert strangers([*known, "d/log/x", "tests/machine.key"]) == ["d/log/x", "tests/machine.key"]


def test_only_the_projects_own_files_are_tracked() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert strangers(done.stdout.strip("\0").split("\0")) == []
