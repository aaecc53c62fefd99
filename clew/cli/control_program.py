"""Commands about the program of the control plane: import and export files, publish, go back."""

import sys
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clew.cli.control_options import WhereControl, refusals_as_exit_codes
from clew.cli.option_groups import AsJson, with_option_groups
from clew.cli.output import err, errors_as_exit_codes, fail, out, print_json, print_table
from installation.program_file import ProgramUnreadable, line_of, read_program_file
from program.file_in_parts import read_program_in_parts
from runtime.settings import environment_value
from runtime.user_error import NO, UNREACHABLE

if TYPE_CHECKING:
    from rich.progress import Progress

    from control.program.import_report import ImportReport
    from control.program.models import ProgramVersion
    from program.program import Program

_LINES_AT_ONCE = 10_000
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, for the list of versions.")]


@with_option_groups
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Program file (TOML).")],
    where: WhereControl,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference; store nothing.")] = False,
) -> None:
    """Take a program file into the control plane; ids are kept.

    Entries are created or changed, none is removed. Links and states count at once, plans and coupons after
    `clew program publish`. Importing a file again changes nothing.
    """
    program = _program_or_exit(file)
    where.open_or_exit(signs=True)
    from control.accounts.actor import command_line
    from control.program.importing import import_program

    with _progress() as bar, errors_as_exit_codes(), refusals_as_exit_codes():
        task = bar.add_task("importing", total=None)
        report = import_program(
            command_line(), program, dry_run=dry_run,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    _show(report, dry_run)


def _program_or_exit(file: Path) -> "Program":
    """Read a program file; print its mistakes and exit if it has any."""
    try:
        text = read_program_file(file).decode("utf-8")
    except ProgramUnreadable as error:
        raise fail(str(error), UNREACHABLE) from None
    except UnicodeDecodeError as error:
        raise fail(f"{file} cannot be read: {error}", UNREACHABLE) from None
    reading = read_program_in_parts(text, environment_value)
    if reading.program is None:
        raise fail("\n".join(line_of(file, mistake) for mistake in reading.mistakes), NO)
    return reading.program


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _show(report: "ImportReport", dry_run: bool) -> None:
    if dry_run:
        for line in report.lines:
            out.print(line)
        if report.lines_left:
            out.print(f"and {report.lines_left} more differences")
    for noun, count in report.counts.items():
        out.print(f"{noun}s: {count.created} new, {count.changed} changed, {count.unchanged} unchanged")
    if dry_run:
        out.print("nothing was stored")
    elif report.version is not None:
        out.print(f"published routes as version {report.version.seq}")


@with_option_groups
def export_file(
    where: WhereControl,
    version: Annotated[
        int | None, typer.Option("--version", metavar="V", help="Version to export (default: the newest).", min=1)
    ] = None,
) -> None:
    """Print a published version as a program file, without its secrets."""
    where.open_or_exit()
    from control.accounts.actor import command_line
    from control.program.selectors import program_of, version_of
    from program.to_toml import program_to_toml

    with refusals_as_exit_codes():
        lines = program_to_toml(program_of(version_of(command_line(), version)))
    while batch := list(islice(lines, _LINES_AT_ONCE)):
        sys.stdout.write("\n".join(batch) + "\n")


@with_option_groups
def publish_program(where: WhereControl, reason: Reason = "") -> None:
    """Publish all drafts as one version.

    Exit code 2 if the program has a mistake, 1 if nothing has changed.
    """
    where.open_or_exit()
    from control.accounts.actor import command_line
    from control.program.publishing import preview, publish

    with refusals_as_exit_codes():
        for warning in preview(command_line()).compiled.warnings:
            err.print(f"warning: {warning.place}: {warning.message}")
        _say(publish(command_line(), reason))


@with_option_groups
def rollback_program(
    version: Annotated[int, typer.Argument(metavar="V", help="Version whose terms to bring back.", min=1)],
    where: WhereControl,
    reason: Reason = "",
) -> None:
    """Publish the terms of an old version as a new one; links and states stay as they are."""
    where.open_or_exit()
    from control.accounts.actor import command_line
    from control.program.publishing import rollback

    with refusals_as_exit_codes():
        _say(rollback(command_line(), version, reason))


def _say(version: "ProgramVersion") -> None:
    for line in version.diff:
        out.print(line)
    out.print(f"published version {version.seq}; its terms count from {_rfc3339(version.effective)}")


@with_option_groups
def list_versions(
    where: WhereControl,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="Most versions to list.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """List the published versions, newest first."""
    where.open_or_exit()
    from control.accounts.actor import command_line
    from control.program.selectors import versions

    rows = [
        {
            "version": version.seq, "kind": version.kind, "published": _rfc3339(version.published),
            "effective": _rfc3339(version.effective), "terms": version.terms_hash, "routes": version.routes_root,
            "author": version.author, "reason": version.reason, "back_to": version.back_to, "diff": version.diff,
        }
        for version in versions(command_line())[:limit]
    ]  # fmt: skip
    if as_json:
        print_json({"items": rows})
    else:
        columns = ["version", "kind", "published", "effective", "terms", "author", "reason"]
        print_table(columns, [[row[name] for name in columns] for row in rows])


def _rfc3339(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")
