"""Loading the program file."""

import secrets
from collections.abc import Callable
from pathlib import Path

from program.file import read_program
from program.program import Program
from program.toml.tables import Mistake
from runtime.settings import environment_value


class ProgramError(Exception):
    """The program file cannot be used; the message lists every mistake with its place."""


class ProgramUnreadable(ProgramError):
    """There is no such file, or no text in it."""


def load_program(path: Path) -> Program:
    """The program of a file. Raises ProgramError."""
    return _load(path, environment_value)


def load_rules(path: Path) -> Program:
    """The program of a file for those who check no secret: where the environment lacks one, nobody knows it."""
    return _load(path, lambda name: environment_value(name) or secrets.token_hex())


def _load(path: Path, environment: Callable[[str], str | None]) -> Program:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProgramUnreadable(f"{path} cannot be read: {error}") from None
    reading = read_program(text, environment)
    if reading.program is None or reading.mistakes:
        raise ProgramError("\n".join(line_of(path, mistake) for mistake in reading.mistakes))
    return reading.program


def line_of(path: Path, mistake: Mistake) -> str:
    """A mistake of a program file as one line: where it is and what to do."""
    place = f"{mistake.place}: " if mistake.place else ""
    return f"{path}:{mistake.line}: {place}{mistake.message}"
