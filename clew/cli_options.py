"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from clew.ask_error import WRONG_USE
from clew.output import fail
from runtime.settings import Settings, SettingsError, load_settings

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="Data directory of the installation.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ProgramFile = Annotated[Path, typer.Option("--program", metavar="FILE", help="Program file (TOML).")]
Timeout = Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="Longest wait, in seconds.")]


def settings_or_exit() -> Settings:
    """Settings from the environment; every mistake at once on stderr."""
    try:
        return load_settings()
    except SettingsError as error:
        raise fail(str(error), WRONG_USE) from None
