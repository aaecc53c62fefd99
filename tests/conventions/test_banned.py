"""Calls that hide an input or an output: the clock, the environment, the terminal, every exception.

runtime/ reads clock and environment and hands on what it read; benchmarks, load tests and tests measure, so
they are free. Aliases are seen through (`from time import time as now`).
"""

import ast

import pytest

from tests.conventions.tree import PACKAGES, Source, dotted, parse, sources

_CLOCK = "take the time as an argument, or a runtime.clock.Clock"
_ENVIRONMENT = "take the setting as an argument; only runtime/settings.py reads the environment"
OUTSIDE_RUNTIME = {
    **{f"time.{name}": _CLOCK for name in ("time", "monotonic", "perf_counter", "process_time")},
    **{f"time.{name}_ns": _CLOCK for name in ("time", "monotonic", "perf_counter", "process_time")},
    **{f"datetime.datetime.{name}": _CLOCK for name in ("now", "utcnow", "today")},
    "datetime.date.today": _CLOCK,
    **{f"os.{name}": _ENVIRONMENT for name in ("environ", "environb", "getenv", "getenvb", "putenv")},
}
EVERYWHERE = {
    "print": "log it (runtime.logs), or write to the console that clew hands on",
    "builtins.print": "log it (runtime.logs), or write to the console that clew hands on",
}


def test_no_banned_call() -> None:
    assert [line for file in sources(*PACKAGES) for line in banned(file)] == []


def banned(file: Source) -> list[str]:
    rules = EVERYWHERE if file.path.startswith("runtime/") else EVERYWHERE | OUTSIDE_RUNTIME
    names, found = file.names, []
    for node in file.nodes:
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append((node.lineno, "except:", "name the exceptions"))
        elif isinstance(node, ast.Name | ast.Attribute) and (name := dotted(node, names)) in rules:
            found.append((node.lineno, name, rules[name]))
    return [f"{file.path}:{line}: {what}: {instead}" for line, what, instead in sorted(found)]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("import time\nx = time.time()", True),
        ("from time import monotonic_ns as now\nx = now()", True),
        ("import time as t\nf(default=t.perf_counter)", True),
        ("from datetime import datetime, UTC\nx = datetime.now(UTC)", True),
        ("import datetime\nx = datetime.date.today()", True),
        ("import os\nx = os.environ['A']", True),
        ("from os import getenv\nx = getenv('A')", True),
        ("print(1)", True),
        ("try:\n    f()\nexcept:\n    pass", True),
        ("import time\ntime.sleep(1)", False),
        ("x = span.time()", False),
        ("console.print(1)", False),
        ("from datetime import datetime\nx = datetime.fromisoformat(y)", False),
        ("try:\n    f()\nexcept OSError:\n    pass", False),
    ],
)
def test_banned_calls_are_seen(text: str, seen: bool) -> None:
    assert bool(banned(parse("tracker/a.py", text))) is seen


def test_runtime_reads_the_clock_but_does_not_print() -> None:
    file = parse("runtime/clock.py", "import time\nx = time.time()\nprint(x)")
    assert [line.partition(": ")[0] for line in banned(file)] == ["runtime/clock.py:3"]
