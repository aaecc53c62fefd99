"""The locks: exact versions with hashes, the runtime's the same in both, installable from any index."""

import re

import pytest

from tests.conventions.tree import ROOT

LOCKS = ("requirements.txt", "requirements-dev.txt")


def _pins(lock: str) -> dict[str, str]:
    """Name (with its condition) -> version, after a look at each entry's hashes."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / lock).read_text("utf-8"), flags=re.MULTILINE)
    pins = {}
    for entry in re.split(r"\n(?=\S)", text.strip()):
        match = re.match(r"(?P<name>[\w.-]+)==(?P<version>\S+)(?P<when>[^\\]*)\\\n", entry)
        assert match and "--hash=sha256:" in entry, f"{lock}: not an exact version with hashes: {entry[:80]!r}"
        pins[match["name"] + match["when"].rstrip()] = match["version"]
    return pins


def _asked(file: str) -> set[str]:
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return {match.group().lower() for line in lines if (match := re.match(r"[A-Za-z][\w.-]*", line))}


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_asked_for_is_locked(lock: str) -> None:
    locked = {name.split(" ")[0] for name in _pins(lock)}
    assert _asked(lock.replace(".txt", ".in")) - locked == set(), "run `make lock`"


def test_people_and_servers_run_the_same_versions() -> None:
    runtime, dev = (_pins(lock) for lock in LOCKS)
    assert {name: dev.get(name) for name in runtime} == runtime, "run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert re.findall(r"://|^-\S+|file:|@ ", text, flags=re.MULTILINE) == []
