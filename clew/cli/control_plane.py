"""Commands that run the control plane on servers: its pages and API, and its jobs."""

import socket
from typing import Annotated

import typer

from clew.cli.control_options import WhereControl
from clew.cli.option_groups import with_option_groups
from clew.cli.options import Host, Port, settings_or_exit
from clew.cli.output import errors_as_exit_codes, fail
from clew.http.sockets import BadHost, PortTaken, bind
from runtime.logs import configure_logs
from runtime.user_error import UNREACHABLE, WRONG_USE


@with_option_groups
def web(port: Port, where: WhereControl, host: Host = "127.0.0.1") -> None:
    """Answer console, portal and API. Any number may run on one PostgreSQL."""
    settings = settings_or_exit()
    place = where.place_or_exit(settings)
    configure_logs("web")
    from clew.processes.web import WebProcess, run_alone

    with errors_as_exit_codes():
        run_alone(WebProcess(place, settings), _bound(host, port))


@with_option_groups
def jobs(
    where: WhereControl,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port", metavar="PORT", help="Port of /readyz, /healthz and /metrics (default: none).",
            min=0, max=65535,
        ),
    ] = None,
    host: Host = "127.0.0.1",
) -> None:  # fmt: skip
    """Do the jobs of the control plane, such as mail. Any number may run on one PostgreSQL."""
    settings = settings_or_exit()
    place = where.place_or_exit(settings)
    configure_logs("jobs")
    from clew.processes.jobs import JobsProcess, run_alone

    with errors_as_exit_codes():
        run_alone(JobsProcess(place, settings), None if metrics_port is None else _bound(host, metrics_port))


def _bound(host: str, port: int) -> socket.socket:
    try:
        return bind(host, port)
    except BadHost as error:
        raise fail(str(error), WRONG_USE) from None
    except PortTaken as error:
        raise fail(str(error), UNREACHABLE) from None
