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
    """The file does not exist or is not text."""


def load_program(path: Path) -> Program:
    """Load the program of a file. Raises ProgramError."""
    return program_of(read_program_file(path), path)


def program_of(data: bytes, path: Path) -> Program:
    """The program of a file's bytes; `path` names it in messages. Raises ProgramError."""
    return _parse(data, path, environment_value)


def load_rules(path: Path) -> Program:
    """Load a program for a process that checks no secrets: secrets missing from the environment are unknown."""
    return _parse(read_program_file(path), path, lambda name: environment_value(name) or secrets.token_hex())


def read_program_file(path: Path) -> bytes:
    """Read the bytes of a program file once: a pipe cannot be read again. Raises ProgramUnreadable."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProgramUnreadable(f"{path} cannot be read: {error.strerror or error}") from None


def read_checked(path: Path) -> tuple[bytes, Program]:
    """Read a program file once: its bytes, and the program. Raises ProgramError."""
    data = read_program_file(path)
    return data, program_of(data, path)


def _parse(data: bytes, path: Path, environment: Callable[[str], str | None]) -> Program:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProgramUnreadable(f"{path} cannot be read: {error}") from None
    reading = read_program(text, environment)
    if reading.program is None or reading.mistakes:
        raise ProgramError("\n".join(line_of(path, mistake) for mistake in reading.mistakes))
    return reading.program


def line_of(path: Path, mistake: Mistake) -> str:
    """Format a mistake of a program file as one line: its place and the fix."""
    place = f"{mistake.place}: " if mistake.place else ""
    return f"{path}:{mistake.line}: {place}{mistake.message}"
