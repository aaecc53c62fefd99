"""Commands about program files: check one, infer one from a history."""

import os
from pathlib import Path
from typing import Annotated

import typer

from clew.cli.history import History, MappingFile, byte_progress, mapping_or_exit
from clew.cli.output import err, fail, out
from installation.program_file import line_of
from program.file import read_program
from runtime.settings import environment_value
from runtime.user_error import FINE, NO, UNREACHABLE


def check(program: Annotated[Path, typer.Argument(metavar="FILE", help="Program file (TOML).")]) -> None:
    """Check a program file: report all mistakes and warnings.

    Exit code 1 if it has a mistake.
    """
    try:
        text = program.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{program} cannot be read: {error}", UNREACHABLE) from None
    reading = read_program(text, environment_value)
    for warning in reading.warnings:
        err.print(f"{program}:{warning.line}: warning: {warning.place}: {warning.message}")
    for mistake in reading.mistakes:
        err.print(line_of(program, mistake))
    if reading.program is None or reading.mistakes:
        raise typer.Exit(NO)
    terms, routes = reading.program.terms, reading.program.routes
    out.print(
        f"{program} is correct: {len(routes.partners)} partners, {len(routes.offers)} offers, "
        f"{len(routes.links)} links, {len(terms.plans)} plans; program {terms.hash}",
    )
    raise typer.Exit(FINE)


def infer(
    file: History,
    mapping: MappingFile,
    out_file: Annotated[Path, typer.Option("--out", metavar="FILE", help="Program file to write.")],
) -> None:
    """Write a program file from a history.

    It has every partner, offer and link that the history names, and a new API key.
    """
    from integrations.files.infer_program import InferError, new_api_key, write_program
    from integrations.files.infer_program import infer as infer_program
    from integrations.files.source import SourceError

    with byte_progress() as progress:
        bar = progress.add_task("reading", total=None, lines=0)
        try:
            inferred = infer_program(
                file,
                mapping_or_exit(mapping),
                new_api_key(os.urandom),
                lambda lines, done, total: progress.update(bar, completed=done, total=total, lines=lines),
            )
        except (InferError, SourceError) as error:
            raise fail(str(error), NO) from None
    try:
        write_program(out_file, inferred.text)
    except OSError as error:
        raise fail(f"{out_file} cannot be written: {error}", UNREACHABLE) from None
    for problem in inferred.counted.shown:
        err.print(f"{file}:{problem.line}: {problem.message}")
    out.print(f"{out_file}: a program from {inferred.counted.lines} lines; it holds a new API key")
