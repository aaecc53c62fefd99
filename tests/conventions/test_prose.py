"""Rules of prose: how docstrings open, and phrases that plain technical English does not need.

prose.json holds the number of breaches that each package still has, by rule. The numbers only shrink: a package
may have fewer breaches than listed, never more. Lower the number when you remove some.
"""

import ast
import io
import json
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conventions.tree import PACKAGES, Source, parse, sources

CEILINGS = Path(__file__).with_name("prose.json")
OPENINGS = re.compile(r"(What|Where|Which|How|Who|Whose|Why|Whether)\b")
PHRASES = re.compile(
    r"\b(?:anew|mend(?:s|ed|ing)?|whoever|for ever\b|beside\b|goes by|comes to|its like|of its own|to know of"
    r"|(?:is|are|was|were) away|what (?:stands|is there|was there|it was made of)|stands? (?:there )?twice"
    r"|(?<!there )(?:is|was) no (?!longer\b|more\b|other\b|matter\b))",
    re.IGNORECASE,
)


def test_prose() -> None:
    ceilings: dict[str, dict[str, int]] = json.loads(CEILINGS.read_text("utf-8"))
    assert complaints(sources(*PACKAGES), ceilings) == []


def complaints(files: tuple[Source, ...], ceilings: dict[str, dict[str, int]]) -> list[str]:
    """Name every breach in the packages that have more of a rule's breaches than their ceiling."""
    places = [
        (file.path.partition("/")[0], rule, f"{file.path}:{line}: {text}") for file, rule, line, text in _all(files)
    ]
    counts = Counter((package, rule) for package, rule, _ in places)
    over = {key for key, count in counts.items() if count > ceilings.get(key[0], {}).get(key[1], 0)}
    return [f"{place} ({rule})" for package, rule, place in places if (package, rule) in over]


def _all(files: tuple[Source, ...]) -> Iterator[tuple[Source, str, int, str]]:
    for file in files:
        for line, text in docstrings(file):
            if match := OPENINGS.match(text):
                yield file, "opening", line, match.group()
        for line, text in prose(file):
            for match in PHRASES.finditer(text):
                yield file, "phrase", line, match.group().strip()


def docstrings(file: Source) -> Iterator[tuple[int, str]]:
    """Strings that stand alone as statements: docstrings of modules, classes, functions and fields."""
    for node in file.nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def prose(file: Source) -> Iterator[tuple[int, str]]:
    """Every string and comment. Line ends count as spaces, because phrases wrap."""
    for node in file.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, " ".join(node.value.split())
    block: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(file.text).readline):
        if token.type == tokenize.COMMENT:
            block.append((token.start[0], token.string.lstrip("# ")))
        elif token.type not in (tokenize.NL, tokenize.NEWLINE) and block:
            yield block[0][0], " ".join(text for _, text in block)
            block = []


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ('"""What it does."""', ["opening"]),
        ('class A:\n    x: int\n    """Whether it is."""', ["opening"]),
        ('"""Whatever follows."""', []),
        ('"""Return the rows that stand twice."""', ["phrase"]),
        ("# made anew\nx = 1", ["phrase"]),
        ("# the server was\n# away\nx = 1", ["phrase"]),
        ('raise ValueError(f"{x} is no number")', ["phrase"]),
        ('raise ValueError("there is no partner of this name, it is no longer listed")', []),
        ('"""Whose row is beside it."""', ["opening", "phrase"]),
        ("besides = amended", []),
        ("# one for every type besides text\nx = 1", []),
        ("anew = 1", []),
    ],
)
def test_rules(text: str, rules: list[str]) -> None:
    assert [rule for _, rule, _, _ in _all((parse("a.py", text),))] == rules


@pytest.mark.parametrize(("ceiling", "count"), [(0, 2), (1, 2), (2, 0), (3, 0)])
def test_ceilings(ceiling: int, count: int) -> None:
    file = parse("eventlog/a.py", "# anew\nx = 1  # whoever\ny = 2")
    assert len(complaints((file,), {"eventlog": {"phrase": ceiling}})) == count
