"""Arguments, mapping and progress that `replay` and `program infer` share."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from clew.cli.output import fail
from installation.program_file import line_of
from integrations.files.mapping.mapping import FileMapping, read_mapping
from runtime.user_error import UNREACHABLE, WRONG_USE

History = Annotated[Path, typer.Argument(metavar="FILE", help="CSV, NDJSON or access log, also as .gz.")]


MappingFile = Annotated[Path, typer.Option("--mapping", metavar="FILE", help="Mapping (TOML): columns of fields.")]


def mapping_or_exit(path: Path) -> FileMapping:
    """Read the mapping of a file; print every mistake on stderr and exit if there is one."""
    try:
        reading = read_mapping(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{path} cannot be read: {error}", UNREACHABLE) from None
    if reading.mapping is None:
        lines = [line_of(path, mistake) for mistake in reading.mistakes]
        raise fail("\n".join(lines), WRONG_USE)
    return reading.mapping


def byte_progress() -> Progress:
    """Return a progress bar of bytes on stderr, so that stdout has one JSON document only."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("bytes, {task.fields[lines]} lines"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
