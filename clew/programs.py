"""Loading the program file, and keeping every loaded program in the warehouse by its hash."""

from pathlib import Path

from runtime.settings import environment_value
from schemas.columns import to_arrow
from schemas.ddl import DATABASE
from schemas.program import Program, canonical
from schemas.program_file import read_program
from schemas.tables import ProgramRow
from warehouse.port import Warehouse, scalar_of


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


def keep_program(warehouse: Warehouse, program: Program, now_us: int) -> None:
    """Store the rules under their hash, once."""
    known = scalar_of(
        warehouse.query(
            f"SELECT count() FROM {DATABASE}.programs WHERE program_hash = {{hash:String}}", {"hash": program.hash}
        )
    )
    if not known:
        row = ProgramRow(program.hash, now_us, canonical(program.rules).decode())
        warehouse.insert("programs", to_arrow("programs", [(row,)]), f"program:{program.hash}")
