"""Imports point one way and never in a circle. The contracts stand in pyproject.toml."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.conventions.tree import PACKAGES, ROOT, Source, parse, sources


def test_contracts_hold() -> None:
    """Layers, pure files, clients of one store each: the same as `make imports`."""
    if missing := [name for name in PACKAGES if not (ROOT / name / "__init__.py").exists()]:
        pytest.skip(f"contracts name packages that are still to be written: {', '.join(missing)}")
    command = "from importlinter.cli import lint_imports_command as run; run(['--no-cache', '--no-logo'])"
    ran = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_import_cycle() -> None:
    """Stricter than Python: an import inside a function counts too, one for type checkers alone does not."""
    assert find_cycle(sources(*PACKAGES)) == []


def find_cycle(files: tuple[Source, ...]) -> list[str]:
    modules = {file.module for file in files}
    try:
        TopologicalSorter({file.module: _imports(file, modules) for file in files}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _imports(file: Source, modules: set[str]) -> set[str]:
    skipped = {n for branch in file.nodes if _for_types_only(branch) for n in ast.walk(branch)}
    found: set[str] = set()
    for node in file.nodes:
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(file, node)
            names = {f"{origin}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else origin for name in names}
    return found & modules - {file.module}


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _origin(file: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = file.module if file.path.endswith("/__init__.py") else file.module.rpartition(".")[0]
    base = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


@pytest.mark.parametrize(
    ("a", "b", "circular"),
    [
        ("from p import b", "import p.a", True),
        ("from p.b import x", "def f():\n    from . import a", True),
        ("from p.b import x", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import p.a", False),
        ("import p.b", "import os", False),
    ],
)
def test_cycles_are_seen(a: str, b: str, circular: bool) -> None:
    assert bool(find_cycle((parse("p/a.py", a), parse("p/b.py", b)))) is circular
