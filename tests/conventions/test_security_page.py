"""docs/security.md answers every requirement of level 2 once, and names only tests that exist."""

import re

from tests.conventions.tree import ROOT

PAGE = ROOT / "docs" / "security.md"
STATES = {"Held", "Met", "Partly", "Absent", "Not ours", "Does not apply"}
# Requirements of levels 1 and 2 of ASVS 4.0.3 by section, without those that were deleted or are of level 3 only.
LEVEL_2 = {
    "1.1": "1-7", "1.2": "1-4", "1.4": "1 4-5", "1.5": "1-4", "1.6": "1-4", "1.7": "1-2", "1.8": "1-2", "1.9": "1-2",
    "1.10": "1", "1.11": "1-2", "1.12": "2", "1.14": "1-6", "2.1": "1-12", "2.2": "1-3", "2.3": "1-3", "2.4": "1-5",
    "2.5": "1-7", "2.6": "1-3", "2.7": "1-6", "2.8": "1-7", "2.9": "1-3", "2.10": "1-4", "3.1": "1", "3.2": "1-4",
    "3.3": "1-4", "3.4": "1-5", "3.5": "1-3", "3.7": "1", "4.1": "1-3 5", "4.2": "1-2", "4.3": "1-3", "5.1": "1-5",
    "5.2": "1-8", "5.3": "1-10", "5.4": "1-3", "5.5": "1-4", "6.1": "1-3", "6.2": "1-6", "6.3": "1-2", "6.4": "1-2",
    "7.1": "1-4", "7.2": "1-2", "7.3": "1 3-4", "7.4": "1-3", "8.1": "1-4", "8.2": "1-3", "8.3": "1-8", "9.1": "1-3",
    "9.2": "1-4", "10.2": "1-2", "10.3": "1-3", "11.1": "1-8", "12.1": "1-3", "12.2": "1", "12.3": "1-6", "12.4": "1-2",
    "12.5": "1-2", "12.6": "1", "13.1": "1 3-5", "13.2": "1-3 5-6", "13.3": "1-2", "13.4": "1-2", "14.1": "1-4",
    "14.2": "1-6", "14.3": "2-3", "14.4": "1-7", "14.5": "1-4",
}  # fmt: skip
TEST_NAME = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[tuple[list[str], str, str]]:
    """Return the requirements, the state and the text of each line of the tables."""
    found = []
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and re.match(r"\d+\.\d", cells[0]):
            found.append((cells[0].split(", "), cells[2], cells[3]))
    return found


def test_every_requirement_is_answered_once() -> None:
    wanted = []
    for section, ranges in LEVEL_2.items():
        for part in ranges.split():
            first, _, last = part.partition("-")
            wanted += [f"{section}.{number}" for number in range(int(first), int(last or first) + 1)]
    assert sorted(name for names, _, _ in rows() for name in names) == sorted(wanted)
    assert {state for _, state, _ in rows()} == STATES


def test_what_is_held_names_tests_that_exist() -> None:
    missing = [names for names, state, text in rows() if state == "Held" and not TEST_NAME.search(text)]
    named = set(TEST_NAME.findall(PAGE.read_text("utf-8")))
    assert len(named) > 80
    for path, name in sorted(named):
        file = ROOT / path
        if not file.is_file() or not re.search(rf"^(async )?def {name}\(", file.read_text("utf-8"), re.MULTILINE):
            missing.append([f"{path}::{name}"])
    assert missing == []
