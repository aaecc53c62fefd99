"""Options that name an installation and its program, and options that several commands share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from clew.cli.option_groups import INSTALLATION, OUTPUT, AsJson, OptionGroup
from clew.cli.output import errors_as_exit_codes, fail
from installation.address import InstallationAddress, find_address
from runtime.settings import Settings, SettingsError, load_settings
from runtime.user_error import WRONG_USE

ProgramOrPublished = Annotated[
    Path | None,
    typer.Option(
        "--program", metavar="FILE", help="Program file (TOML); without it, what the control plane publishes."
    ),
]
ProgramOrNewest = Annotated[
    Path | None,
    typer.Option(
        "--program",
        metavar="FILE",
        help="Program file (TOML); without it, the newest one that `clew serve` loaded.",
        rich_help_panel=INSTALLATION,
    ),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Data directory of the installation.", rich_help_panel=INSTALLATION),
]
Port = Annotated[int, typer.Option("--port", metavar="PORT", help="Port to listen on.", min=0, max=65535)]
Host = Annotated[
    str, typer.Option("--host", metavar="ADDRESS", help="Address to bind; the default is this machine only.")
]
MetricsPort = Annotated[
    int,
    typer.Option("--metrics-port", metavar="PORT", help="Port of /readyz, /healthz and /metrics.", min=0, max=65535),
]


@dataclass(frozen=True, slots=True)
class Where(OptionGroup):
    """The options that name an installation."""

    data: Data = None
    log: Annotated[
        str | None,
        typer.Option(
            "--log",
            metavar="ADDRESS",
            help="Event log: sqlite:DIR or kafka://HOST:9092,... (default: CLEW_LOG, or DIR/log of --data).",
            rich_help_panel=INSTALLATION,
        ),
    ] = None
    warehouse: Annotated[
        str | None,
        typer.Option(
            "--warehouse",
            metavar="ADDRESS",
            help="Warehouse: chdb:DIR or clickhouse://USER@HOST:8123/DATABASE (default: CLEW_WAREHOUSE, or "
            "DIR/warehouse of --data).",
            rich_help_panel=INSTALLATION,
        ),
    ] = None

    def address_or_exit(self, settings: Settings) -> InstallationAddress:
        """Find the installation; exit with the error if the options do not name one."""
        for option, address in (("--log", self.log), ("--warehouse", self.warehouse)):
            if address is not None and not address.strip():
                raise fail(f"{option} is empty; give an address or leave it out", WRONG_USE)
        with errors_as_exit_codes():
            return find_address(self.data, self.log, self.warehouse, settings)
        raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class TableOutput(OptionGroup):
    """Output formats of an answer that is a table."""

    as_json: AsJson = False
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.", rich_help_panel=OUTPUT)] = False

    def check(self) -> None:
        """Exit with an error if both formats are asked for."""
        if self.as_json and self.as_csv:
            raise fail("--json and --csv exclude each other; give one of them", WRONG_USE)


def settings_or_exit() -> Settings:
    """Read the settings from the environment; exit with all mistakes if there are any."""
    try:
        return load_settings()
    except SettingsError as error:
        raise fail(str(error), WRONG_USE) from None
