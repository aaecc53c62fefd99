"""Options that name the database of the control plane."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from clew.cli.option_groups import INSTALLATION, OptionGroup
from clew.cli.options import Data, settings_or_exit
from clew.cli.output import errors_as_exit_codes, fail
from clew.processes.control_plane import ControlPlace, find_control_place
from runtime.settings import Settings
from runtime.user_error import NO, WRONG_USE

Control = Annotated[
    str | None,
    typer.Option(
        "--control",
        metavar="ADDRESS",
        help="Database of the control plane: sqlite:DIR/control.sqlite or postgresql://USER@HOST:5432/DATABASE "
        "(default: CLEW_CONTROL, or DIR/control.sqlite of --data).",
        rich_help_panel=INSTALLATION,
    ),
]


@dataclass(frozen=True, slots=True)
class WhereControl(OptionGroup):
    """The options that name the control plane."""

    data: Data = None
    control: Control = None

    def place_or_exit(self, settings: Settings) -> ControlPlace:
        """Find the control plane; exit with the error if the options do not name one."""
        if self.control is not None and not self.control.strip():
            raise fail("--control is empty; give an address or leave it out", WRONG_USE)
        with errors_as_exit_codes():
            return find_control_place(self.data, self.control, settings)
        raise AssertionError("unreachable")

    def open_or_exit(self, *, signs: bool = False) -> Settings:
        """Start Django on the control plane; exit with the error if it cannot be opened."""
        settings = settings_or_exit()
        place = self.place_or_exit(settings)
        with errors_as_exit_codes():
            place.start(settings, signs=signs)
        return settings


@contextmanager
def refusals_as_exit_codes() -> Iterator[None]:
    """Print the refusal of a change and exit: 2 for a mistake in it, 1 if it is not possible."""
    from control.errors import Invalid, Refused

    try:
        yield
    except Invalid as error:
        raise fail(str(error), WRONG_USE) from None
    except Refused as error:
        raise fail(str(error), NO) from None
