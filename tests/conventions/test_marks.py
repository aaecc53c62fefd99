"""Nothing private and nothing unfinished stands in the project's files.

No marks for later (an issue keeps them better), no host of a package index or of an inner network, no path of
somebody's machine, no key.
"""

import re

import pytest

from tests.conventions.tree import text_files

SELF = "tests/conventions/test_marks.py"
RULES = {
    "a mark for later; do it, or write an issue": r"\b(?:TODO|FIXME)\b",
    "a package index; every machine has its own": r"--(?:extra-)?index-url|--find-links"
    r"|://(?:[^/\s@]*@)?(?:[\w-]+\.)*(?:pypi|pythonhosted|npmjs|registry|artifactory|nexus|jfrog|mirrors?)[\w-]*\.",
    "a host of an inner network": r"://(?:[^/\s@]*@)?(?:[\w-]+\.)+(?:internal|intranet|corp|lan|local|home)\b",
    "a path of one machine": r"(?<![\w.~/-])/(?:wo[r]k|workspace|root|Users)/\w",
    "a key": r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{36}|\bxox[abps]-\w{10}",
}


def test_nothing_private_or_unfinished() -> None:
    assert [line for path, text in text_files() if path != SELF for line in marks(path, text)] == []


def marks(path: str, text: str) -> list[str]:
    return [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()!r} is {what}"
        for what, pattern in RULES.items()
        for match in re.finditer(pattern, text)
    ]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("# TODO later", True),
        ("--index-url https://example.org", True),
        ("https://pypi.example.org/simple", True),
        ("https://me:pw@nexus.example.org/x", True),
        ("http://db.internal:8123", True),
        ("see /workspace/x", True),
        ("-----BEGIN RSA PRIVATE KEY-----", True),
        ("https://shop.example/?cid={click_id}", False),
        ("make --no-emit-index-url", False),
        ("registry.register(counter)", False),
        ("a mastodon, todos", False),
        ("https://shop.example/workspace/x", False),
    ],
)
def test_marks_are_seen(text: str, seen: bool) -> None:
    assert bool(marks("a.md", text)) is seen
