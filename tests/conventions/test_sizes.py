"""Limits of size: functions have at most 50 lines, kernels 90, files 400.

oversize.json lists what is longer, with its size. The list only shrinks: what got shorter must have its
number lowered, what fits must leave. Docstrings do not count, in files nor in functions.
"""

import ast
import json
from pathlib import Path

import pytest

from tests.conventions.tree import (
    PACKAGES,
    TOOLS,
    Source,
    functions,
    is_kernel,
    parse,
    sources,
)

FUNCTION_LINES_MAX = 50
KERNEL_LINES_MAX = 90
FILE_LINES_MAX = 400
OVERSIZE = Path(__file__).with_name("oversize.json")


def test_sizes() -> None:
    allowed: dict[str, int] = json.loads(OVERSIZE.read_text("utf-8"))
    assert complaints(oversize(sources(*PACKAGES, *TOOLS)), allowed) == []


def oversize(files: tuple[Source, ...]) -> dict[str, tuple[int, int]]:
    """Size and limit of everything beyond its limit: `path` for files, `path::function` for functions."""
    sizes = {}
    for file in files:
        docstrings = _docstrings(file)
        sizes[file.path] = (len(file.text.splitlines()) - sum(docstrings.values()), FILE_LINES_MAX)
        for name, node in functions(file):
            limit = KERNEL_LINES_MAX if is_kernel(node, file.names) else FUNCTION_LINES_MAX
            last = node.end_lineno or node.lineno
            inside = sum(count for line, count in docstrings.items() if node.lineno <= line <= last)
            sizes[f"{file.path}::{name}"] = (last - node.lineno + 1 - inside, limit)
    return {what: (size, limit) for what, (size, limit) in sizes.items() if size > limit}


def _docstrings(file: Source) -> dict[int, int]:
    """First line and number of lines of each docstring."""
    return {
        node.lineno: (node.end_lineno or node.lineno) - node.lineno + 1
        for node in file.nodes
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


def complaints(found: dict[str, tuple[int, int]], allowed: dict[str, int]) -> list[str]:
    said = []
    for what, (size, limit) in found.items():
        if size > allowed.get(what, limit):
            said.append(f"{what}: {size} lines, at most {allowed.get(what, limit)}; split it")
        elif size < allowed[what]:
            said.append(f"{what}: {size} lines now; lower it in {OVERSIZE.name} from {allowed[what]} to {size}")
    said += [f"{what}: fits now or is gone; remove it from {OVERSIZE.name}" for what in allowed if what not in found]
    return said


@pytest.mark.parametrize(
    ("lines", "allowed", "said"),
    [
        (50, {}, ""),
        (51, {}, "split it"),
        (60, {"a.py::f": 60}, ""),
        (61, {"a.py::f": 60}, "at most 60"),
        (59, {"a.py::f": 60}, "from 60 to 59"),
        (50, {"a.py::f": 60}, "remove it"),
    ],
)
def test_list_only_shrinks(lines: int, allowed: dict[str, int], said: str) -> None:
    text = 'def f():\n    """Of two\n    lines."""\n' + "    x = 1\n" * (lines - 1)
    found = complaints(oversize((parse("a.py", text),)), allowed)
    assert said in found[0] if said else found == []


@pytest.mark.parametrize(("decorator", "fits"), [("@njit(cache=True)", True), ("@numba.njit", True), ("@cache", False)])
def test_kernels_may_be_longer(decorator: str, fits: bool) -> None:
    head = f"import numba\nfrom numba import njit\nfrom functools import cache\n{decorator}\ndef _f():\n"
    assert (oversize((parse("a.py", head + "    x = 1\n" * 80),)) == {}) is fits
