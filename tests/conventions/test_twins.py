"""Every kernel has a plain twin: the same answer from lists and for-loops, written from the definition.

The rule. A function of attribution/ that numba compiles is named `_foo`, or `_foo_` and one or more words
(`_foo_one`, `_foo_range`: the layers of one kernel). Its twin is a function `foo` in tests/reference/*.py,
and a test file in tests/attribution/ names that twin. Compiled helpers follow the same rule: name them after
the kernel that they serve, or give them a twin of their own.
"""

import re

import pytest

from tests.conventions.tree import Source, functions, is_kernel, parse, sources


def test_every_kernel_has_a_twin() -> None:
    tests = tuple(f for f in sources("tests/attribution") if f.path.rpartition("/")[2].startswith("test_"))
    assert twinless(sources("attribution"), sources("tests/reference"), tests) == []


def twinless(code: tuple[Source, ...], reference: tuple[Source, ...], tests: tuple[Source, ...]) -> list[str]:
    twins = {name for file in reference for name, _ in functions(file) if not name.startswith("_")}
    said = []
    for file in code:
        names = file.names
        for name, node in functions(file):
            if not is_kernel(node, names):
                continue
            matching = twins & set(_twin_names(node.name))
            if not matching:
                said.append(f"{file.path}: {name} has no twin; write `{node.name.lstrip('_')}` in tests/reference/")
            elif not any(re.search(rf"\b{twin}\b", test.text) for twin in matching for test in tests):
                said.append(f"{file.path}: no test in tests/attribution/ compares {name} with {sorted(matching)}")
    return said


def _twin_names(kernel: str) -> list[str]:
    """`_last_click_one`: last_click_one, last_click, last."""
    words = kernel.lstrip("_").split("_")
    return ["_".join(words[:count]) for count in range(len(words), 0, -1)]


KERNEL = "from numba import njit\n\n@njit(cache=True)\ndef {}(a):\n    return a\n"


@pytest.mark.parametrize(
    ("kernel", "twin", "test", "said"),
    [
        ("_linear", "linear", "linear(x)", ""),
        ("_linear_one", "linear", "reference.linear(x)", ""),
        ("_linear", "linearly", "linearly(x)", "has no twin"),
        ("_linear", "linear", "", "no test"),
    ],
)
def test_twins_are_found(kernel: str, twin: str, test: str, said: str) -> None:
    code = parse("attribution/a.py", KERNEL.format(kernel))
    reference = parse("tests/reference/a.py", f"def {twin}(a):\n    return a\n")
    found = twinless((code,), (reference,), (parse("tests/attribution/test_a.py", test),))
    assert said in found[0] if said else found == []


def test_plain_functions_need_no_twin() -> None:
    assert twinless((parse("attribution/a.py", "def linear(a):\n    return a\n"),), (), ()) == []
