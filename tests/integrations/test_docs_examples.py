"""The examples of docs/guide/program.md and docs/guide/replay.md are what they say."""

import re
from pathlib import Path

from integrations.files.mapping.mapping import read_mapping
from integrations.files.mapping.program import read_program_part
from program.file import read_program
from program.toml.tables import read_toml
from schemas.values.model_names import MODEL_NAMES

DOCS = Path(__file__).parents[2] / "docs" / "guide"


def example(name: str, number: int = 0) -> str:
    found = re.findall(r"```toml\n(.*?)```", (DOCS / name).read_text("utf-8"), re.DOTALL)
    return str(found[number])


def test_the_program_is_one() -> None:
    reading = read_program(example("program.md"), lambda name: f"secret-out-of-{name}")
    assert (reading.mistakes, reading.warnings) == ((), ())


def test_the_fit_and_the_plan_that_pays_by_it() -> None:
    text = "\n".join((example("program.md"), "[[partner]]\nid = 12", example("runs.md"), example("program.md", -1)))
    reading = read_program(text, lambda name: f"secret-out-of-{name}")
    assert reading.mistakes == () and reading.program is not None
    (fit,) = reading.program.terms.fits.values()
    assert reading.program.terms.plans[-1].model == f"fitted({fit.id})"


def test_the_mapping_is_one() -> None:
    assert read_mapping(example("replay.md")).mistakes == ()


def test_every_key_is_described() -> None:
    """Keys that a reader asks for, found by reading a table that has none of them."""
    text = (DOCS / "replay.md").read_text("utf-8")
    table, _ = read_toml("")
    read_program_part(table)
    assert {key for key in table.asked() if f"`{key}`" not in text} == set()
    for model in MODEL_NAMES:
        assert f"`{model}`" in (DOCS / "program.md").read_text("utf-8")
