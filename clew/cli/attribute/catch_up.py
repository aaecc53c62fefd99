"""`clew attribute`: store, credit and price what the log holds now."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from clew.cli.ask import ask
from clew.cli.option_groups import OptionGroup
from clew.cli.options import Where
from clew.cli.output import err, fail, print_json
from clew.requests.types import CATCH_UP_TIMEOUT_S, AttributeRequest
from runtime.user_error import WRONG_USE

ANSWER_WITHIN_S = 30
"""Time for the answer itself, on top of the time that the work may take."""


@dataclass(frozen=True, slots=True)
class CatchUpOptions(OptionGroup):
    """Options that limit the wait for everything in the log to be attributed."""

    wait: Annotated[
        bool,
        typer.Option(
            "--wait",
            help="Wait until everything in the log now is attributed; on servers, leave the work to the workers there.",
            rich_help_panel="Waiting",
        ),
    ] = False
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help=f"With --wait: longest wait; exit code 3 when it has passed (default: {CATCH_UP_TIMEOUT_S:.0f}).",
            rich_help_panel="Waiting",
        ),
    ] = None

    def check(self) -> None:
        """Exit with an error if there is a timeout and nothing to wait for."""
        if self.timeout is not None and not self.wait:
            raise fail("--timeout limits --wait; add --wait, or leave --timeout out", WRONG_USE)

    @property
    def timeout_s(self) -> float:
        return CATCH_UP_TIMEOUT_S if self.timeout is None else self.timeout


def catch_up(where: Where, options: CatchUpOptions, program: Path | None, *, as_json: bool) -> None:
    """Attribute everything in the log; exit code 3 if that takes longer than the timeout."""
    err.print("ingesting and attributing …")
    request = AttributeRequest(wait=options.wait, timeout=options.timeout_s)
    answer = ask(where, request, options.timeout_s + ANSWER_WITHIN_S, program)
    err.print("everything is attributed")
    if as_json:
        print_json(answer)
