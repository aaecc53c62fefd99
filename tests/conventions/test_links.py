"""Links between pages, and references from code to pages, resolve."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.conventions.tree import ROOT

FOLDERS = ("docs", "deploy", "examples")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PAGE = re.compile(r"(?<![\w/.])docs/[\w./-]*\w\.md\b")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_SKIPPED = (".venv", ".git", "node_modules")


def pages() -> list[Path]:
    return [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]


def anchors(page: Path) -> set[str]:
    headings = _HEADING.findall(page.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for link in _LINK.findall(page.read_text("utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" in link or link.startswith("mailto:"):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield f"{page.relative_to(ROOT)}: {link}"


def test_links_of_pages_resolve() -> None:
    assert len(pages()) > 20
    assert [link for page in pages() for link in broken_links(page)] == []


def sources() -> Iterator[Path]:
    for folder in sorted(path for path in ROOT.iterdir() if path.is_dir() and path.name not in _SKIPPED):
        yield from folder.rglob("*.py")


def test_pages_named_in_code_exist() -> None:
    named = {(file.relative_to(ROOT), page) for file in sources() for page in _PAGE.findall(file.read_text("utf-8"))}
    assert len(named) > 10
    assert sorted(f"{file}: {page}" for file, page in named if not (ROOT / page).exists()) == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    listed = {path.partition("#")[0] for path in _LINK.findall(index)}
    own = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(page for page in own - listed - {"index.md"} if not page.startswith("decisions/")) == []


def test_anchors_and_paths_are_read() -> None:
    page = ROOT / "docs" / "index.md"
    assert "clew-documentation" in anchors(page) and "no-such-heading" not in anchors(page)
    assert _PAGE.findall("see docs/operate/scale.md.") == ["docs/operate/scale.md"]
