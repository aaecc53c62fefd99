"""Loading the program file."""

from pathlib import Path

from runtime.settings import environment_value
from schemas.program import Program
from schemas.program_file import read_program


class ProgramError(Exception):
    """The program file cannot be used; the message lists every mistake with its place."""


def load_program(path: Path) -> Program:
    """The program of a file. Raises ProgramError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProgramError(f"{path}: cannot be read: {error}") from None
    reading = read_program(text, environment_value)
    if reading.program is None or reading.mistakes:
        lines = [f"{path}:{m.line}: {m.place}: {m.message}" for m in reading.mistakes]
        raise ProgramError("\n".join(lines))
    return reading.program
