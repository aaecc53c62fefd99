"""`clew replay`: send a history as traffic."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from clew.cli.history import History, MappingFile, byte_progress, mapping_or_exit
from clew.cli.option_groups import AsJson
from clew.cli.options import settings_or_exit
from clew.cli.output import err, fail, out, print_json
from installation.program_file import ProgramError, ProgramUnreadable, load_program
from runtime.clock import SystemClock
from runtime.settings import environment_value
from runtime.user_error import UNREACHABLE, WRONG_USE


def replay(
    file: History,
    mapping: MappingFile,
    to: Annotated[str, typer.Option(metavar="URL", help="Tracking URL of a running Clew.")],
    program: Annotated[Path | None, typer.Option(metavar="FILE", help="Program: numbers of names, API key.")] = None,
    api_key: Annotated[str, typer.Option(metavar="KEY", help="Key for /v1/events; better in CLEW_API_KEY.")] = "",
    rate: Annotated[float | None, typer.Option(metavar="N", help="Maximum number of events a second.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Send everything, whatever was sent before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a history as traffic; continue a stopped replay. A second replay changes nothing."""
    from integrations.files.replay.replay import ReplayOrder
    from integrations.files.replay.replay import replay as run_replay
    from integrations.files.replay.report import ReplayProgress
    from integrations.files.replay.send import BadOrder, ReplayError
    from integrations.files.replay.state import default_state_dir
    from integrations.files.source import SourceError

    settings = settings_or_exit()
    try:
        loaded = load_program(program) if program is not None else None
    except ProgramUnreadable as error:
        raise fail(str(error), UNREACHABLE) from None
    except ProgramError as error:
        raise fail(str(error), WRONG_USE) from None
    key = api_key or settings.api_key or (loaded.secrets.api_keys[0] if loaded and loaded.secrets.api_keys else "")
    state_dir = default_state_dir(environment_value("XDG_STATE_HOME"), Path.home())
    order = ReplayOrder(file, mapping_or_exit(mapping), to, key, loaded, rate, again, state_dir)
    with byte_progress() as progress:
        bar = progress.add_task("replaying", total=None, lines=0)

        def show(now: ReplayProgress) -> None:
            progress.update(bar, completed=now.bytes_done, total=now.bytes_total, lines=now.lines)

        try:
            report = asyncio.run(run_replay(order, SystemClock(), show))
        except BadOrder as error:
            raise fail(str(error), WRONG_USE) from None
        except (ReplayError, SourceError) as error:
            raise fail(str(error), UNREACHABLE) from None
    for problem in report.shown:
        err.print(f"{file}:{problem.line}: {problem.message}")
    if as_json:
        print_json(report.as_json())
        return
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(report.verdicts.items()))
    out.print(f"{report.lines} lines, {report.sent} events: {verdicts or 'nothing to send'}")
