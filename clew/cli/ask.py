"""Send a request of a command, and print the error if it has no answer."""

from pathlib import Path
from typing import Any

from clew.cli.options import Where, settings_or_exit
from clew.cli.output import errors_as_exit_codes
from clew.requests.client import send_request
from clew.requests.types import Request
from runtime.clock import SystemClock


def ask(where: Where, request: Request, timeout_s: float = 120, program: Path | None = None) -> dict[str, Any]:
    """Return the answer to a request; on failure print the error and exit."""
    settings = settings_or_exit()
    address = where.address_or_exit(settings)
    with errors_as_exit_codes():
        return send_request(address, settings, SystemClock(), request, timeout_s, program)
    raise AssertionError("unreachable")
