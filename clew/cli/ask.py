"""How every command asks: where the installation is, the answer, or why there is none."""

from pathlib import Path
from typing import Any

from clew.cli.options import Where, settings_or_exit
from clew.cli.output import errors_as_exit_codes
from clew.requests.client import send_request
from runtime.clock import SystemClock


def ask_about(
    where: Where, name: str, parameters: dict[str, Any], timeout_s: float = 120, program: Path | None = None
) -> dict[str, Any]:
    """The answer to one question; why there is none, on stderr."""
    settings = settings_or_exit()
    place = where.address_or_exit(settings)
    with errors_as_exit_codes():
        return send_request(place, settings, SystemClock(), name, parameters, timeout_s, program)
    raise AssertionError("unreachable")
