"""`clew attribute --follow`: credit and price what ingest stores, until the process is stopped (on servers)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from clew.cli.option_groups import OptionGroup
from clew.cli.options import Where

_PANEL = "Worker (--follow)"


@dataclass(frozen=True, slots=True)
class WorkerOptions(OptionGroup):
    """Options of the worker: the mode, and the port on which it reports its state."""

    follow: Annotated[
        bool,
        typer.Option("--follow", help="Run as a worker until stopped; needs --program.", rich_help_panel=_PANEL),
    ] = False
    metrics_port: Annotated[
        int,
        typer.Option(
            metavar="PORT",
            help="Port of /readyz, /healthz and /metrics; 0 takes a free one.",
            min=0,
            max=65535,
            rich_help_panel=_PANEL,
        ),
    ] = 0
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Address to bind; the default is this machine only.", rich_help_panel=_PANEL
        ),
    ] = "127.0.0.1"


def follow(where: Where, options: WorkerOptions, program: Path | None) -> None:
    """Run the attribution worker."""
    from clew.cli import serve  # imported here: the other modes need no server

    serve.run_worker("attribution", where, program, options.host, options.metrics_port)
