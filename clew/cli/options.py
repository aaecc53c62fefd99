"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from clew.cli.output import errors_as_exit_codes, fail
from installation.address import InstallationAddress, find_address
from runtime.settings import Settings, SettingsError, load_settings
from runtime.user_error import WRONG_USE

Data = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Data directory of the installation.")]
Log = Annotated[
    str | None, typer.Option("--log", metavar="ADDRESS", help="sqlite:DIR or kafka://host:9092,… (CLEW_LOG).")
]
Warehouse = Annotated[
    str | None,
    typer.Option(
        "--warehouse", metavar="ADDRESS", help="chdb:DIR or clickhouse://user@host:8123/database (CLEW_WAREHOUSE)."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ProgramFile = Annotated[Path, typer.Option("--program", metavar="FILE", help="Program file (TOML).")]
ProgramOrNewest = Annotated[
    Path | None,
    typer.Option("--program", metavar="FILE", help="Program file; the newest one loaded unless given."),
]
Timeout = Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="Longest wait, in seconds.")]
Port = Annotated[int, typer.Option("--port", help="Port to answer on.", min=0, max=65535)]
MetricsPort = Annotated[
    int, typer.Option("--metrics-port", help="Port of /readyz, /healthz and /metrics.", min=0, max=65535)
]
Host = Annotated[str, typer.Option("--host", help="Address to bind; only this machine unless given.")]


def settings_or_exit() -> Settings:
    """Settings from the environment; every mistake at once on stderr."""
    try:
        return load_settings()
    except SettingsError as error:
        raise fail(str(error), WRONG_USE) from None


class Where(NamedTuple):
    """What the flags of a command say about where the installation is."""

    data: Path | None = None
    log: str | None = None
    warehouse: str | None = None

    def address_or_exit(self, settings: Settings) -> InstallationAddress:
        """The installation; what is wrong with that, on stderr."""
        with errors_as_exit_codes():
            return find_address(self.data, self.log, self.warehouse, settings)
        raise AssertionError("unreachable")
