"""Tokens: one file of colours, with enough contrast in both themes, and used by name everywhere."""

import re

import pytest

from tests.conventions.tree import ROOT

STYLES = ROOT / "control" / "ui" / "assets" / "css"
GROUNDS = ("ground", "surface", "surface-2", "surface-3", "hover")
TEXT = 4.5
CONTROL = 3.0


def tokens(theme: str) -> dict[str, str]:
    """Return the colours of a theme."""
    text = (STYLES / "tokens.css").read_text("utf-8")
    (block,) = re.findall(rf'^\[data-bs-theme="{theme}"\] {{(.*?)^}}', text, flags=re.DOTALL | re.MULTILINE)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


PAIRS = [
    *((text, ground, TEXT) for text in ("text", "text-2", "text-3") for ground in GROUNDS),
    *((f"{tone}-text", f"{tone}-soft", TEXT) for tone in ("good", "warn", "bad", "info", "violet", "neutral")),
    *(
        (f"{tone}-text", ground, TEXT)
        for tone in ("good", "bad", "accent")
        for ground in ("ground", "surface", "hover")
    ),
    ("accent-text", "accent-soft", TEXT),
    ("on-accent", "accent", TEXT),
    ("on-accent", "bad", TEXT),
    ("text", "info-soft", TEXT),
    ("text", "bad-soft", TEXT),
    ("control-line", "surface", CONTROL),
    ("focus", "ground", CONTROL),
    ("focus", "surface", CONTROL),
    *((f"series-{number}", "surface", CONTROL) for number in range(1, 7)),
    ("series-muted", "surface", CONTROL),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(theme: str) -> None:
    colours = tokens(theme)
    low = [
        f"{text} on {ground}: {contrast(colours[text], colours[ground]):.2f}, at least {least}"
        for text, ground, least in PAIRS
        if contrast(colours[text], colours[ground]) < least
    ]
    assert low == []


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_both_themes_have_the_same_tokens() -> None:
    assert tokens("light").keys() == tokens("dark").keys()


OF_PROGRAM = {"cl-brand-own", "cl-brand-own-text"}
"""Colours of the program, which the pages of applications set."""


def test_other_files_use_tokens_that_exist() -> None:
    text = (STYLES / "tokens.css").read_text("utf-8")
    known = set(re.findall(r"--([\w-]+):", text)) | OF_PROGRAM
    for file in STYLES.glob("*.css"):
        used = set(re.findall(r"var\(--([\w-]+)", file.read_text("utf-8")))
        assert used <= known, file.name


def test_colours_are_in_the_file_of_tokens_only() -> None:
    """White on the brand's blue and the ground of QR codes are the same in both themes."""
    for file in STYLES.glob("*.css"):
        if file.name != "tokens.css":
            found = re.findall(
                r":[^;{]*(#[0-9a-f]{3,8})\b(?![^(]*\))", re.sub(r"url\([^)]*\)", "", file.read_text("utf-8"))
            )
            assert set(found) <= {"#ffffff", "#16224f", "#d4dcfa"}, file.name


def test_sides_are_logical() -> None:
    """Left and right are start and end, so that pages mirror; charts stay as they are."""
    for file in STYLES.glob("*.css"):
        if file.name != "charts.css":
            found = re.findall(
                r"^\s*((?:margin|padding|border)-(?:left|right)|left|right):", file.read_text("utf-8"), re.M
            )
            assert found == [], file.name
