"""Commands that run processes: serve on one machine, and on servers tracker, ingest, attribution and API."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from clew.cli.control_options import Control
from clew.cli.option_groups import with_option_groups
from clew.cli.options import Host, MetricsPort, Port, ProgramOrPublished, Where, settings_or_exit
from clew.cli.output import errors_as_exit_codes, fail, out
from clew.http.sockets import BadHost, PortTaken, bind, url_of
from clew.processes.control_plane import find_control_place
from clew.processes.supervisor import AlreadyServed, Parent, ServeOptions
from control.address import find_control_address
from control.backup import has_control_plane
from eventlog.port import LogUnavailable
from installation.address import InstallationAddress
from installation.directory import DataDir
from installation.keys import KeysFileError
from installation.program_file import ProgramError, ProgramUnreadable
from runtime.clock import SystemClock
from runtime.logs import configure_logs
from runtime.settings import Settings
from runtime.user_error import UNREACHABLE, WRONG_USE


@with_option_groups
def serve(
    where: Where,
    program: ProgramOrPublished = None,
    host: Host = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="PORT", help="Port for links, pixels, postbacks and events.", min=0, max=65535)
    ] = 8080,
    api_port: Annotated[
        int, typer.Option(metavar="PORT", help="Port for reports and explanations.", min=0, max=65535)
    ] = 8081,
    web_port: Annotated[
        int, typer.Option(metavar="PORT", help="Port for console, portal and their API.", min=0, max=65535)
    ] = 8082,
    web_url: Annotated[
        str,
        typer.Option(
            metavar="URL", help="Address of console and portal for people, like https://partners.acme.example."
        ),
    ] = "",
    public_url: Annotated[
        str,
        typer.Option(
            metavar="URL", help="Address of links and postbacks for the outside, like https://t.acme.example."
        ),
    ] = "",
    workers: Annotated[int, typer.Option(metavar="N", help="Number of edge processes.", min=1, max=64)] = 1,
    control: Control = None,
) -> None:
    """Run everything: edges, ingest, attribution, API, console.

    All of them are children of one parent process, which restarts a child that dies. Without --program, the program is
    what the console publishes; unknown links answer 404 until then.
    """
    _check_ports({"--port": port, "--api-port": api_port, "--web-port": web_port})
    settings = settings_or_exit()
    place = where.address_or_exit(settings)
    if place.data is None:
        raise fail("serve keeps token keys and its event log in a data directory; give --data DIR", WRONG_USE)
    if not settings.serve.web:
        check_program(program, settings)
    configure_logs("serve")
    options = ServeOptions(
        DataDir(place.data.root.absolute()), program, host, port, api_port, workers,
        _absolute(where.log or settings.log or ""), _absolute(where.warehouse or settings.warehouse or ""),
        place.on_servers, web_port if settings.serve.web else None, _checked_url("--web-url", web_url),
        _checked_url("--public-url", public_url), _control_address(place.data.root, control, settings),
    )  # fmt: skip
    _run(lambda: asyncio.run(_serve(options, settings)))


def _check_ports(ports: dict[str, int]) -> None:
    """Exit with an error if two ports are the same; 0 is any free port."""
    by_port: dict[int, str] = {}
    for option, port in ports.items():
        if port and port in by_port:
            raise fail(f"{by_port[port]} and {option} are both {port}; give two different ports", WRONG_USE)
        by_port[port] = option


def _checked_url(option: str, url: str) -> str:
    """Return the address that an option gives; exit with an error if it is not one."""
    parts = urlsplit(url)
    if url and (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or url.rstrip("/") != f"{parts.scheme}://{parts.netloc}"
    ):
        raise fail(f"{option} must be http:// or https:// and a host, without a path", WRONG_USE)
    return url.rstrip("/")


def _control_address(data: Path, control: str | None, settings: Settings) -> str:
    """Return the address for child processes, absolute; "" if it is in the directory. Exit with its mistake."""
    if control is not None and not control.strip():
        raise fail("--control is empty; give an address or leave it out", WRONG_USE)
    if not control and not settings.control:
        return ""
    with errors_as_exit_codes():
        find_control_address(data, control, settings)
    return _absolute(control or settings.control or "")


def _absolute(address: str) -> str:
    """Make the folder of an address absolute: child processes have another working directory."""
    kind, colon, folder = address.partition(":")
    return f"{kind}:{Path(folder).absolute()}" if colon and kind in ("sqlite", "chdb") else address


async def _serve(options: ServeOptions, settings: Settings) -> None:
    await Parent(options, settings, SystemClock()).run()


@with_option_groups
def tracker(
    port: Port,
    where: Where,
    program: ProgramOrPublished = None,
    host: Host = "127.0.0.1",
) -> None:
    """Answer links, pixels, postbacks and events on servers.

    The directory of --data holds events while Kafka is unavailable.
    """
    settings, place = _servers("tracker", where)
    check_program(program, settings)
    if place.data is None:
        raise fail("a tracker keeps events in a data directory while Kafka is unavailable; give --data DIR", WRONG_USE)
    place.data.make()

    def run(listener: socket.socket) -> None:
        from clew.processes.edge import EdgeProcess, run_alone

        run_alone(EdgeProcess(place, settings, program), listener)

    _run(lambda: run(bind(host, port)))


@with_option_groups
def ingest(
    metrics_port: MetricsPort,
    where: Where,
    program: ProgramOrPublished = None,
    host: Host = "127.0.0.1",
) -> None:
    """Store events from Kafka in ClickHouse. Any number may run; they share the partitions."""
    run_worker("ingest", where, program, host, metrics_port)


@with_option_groups
def api(
    port: Port,
    where: Where,
    program: ProgramOrPublished = None,
    host: Host = "127.0.0.1",
) -> None:
    """Answer reports, conversions and explanations on servers."""
    run_worker("api", where, program, host, port)


def run_worker(worker: str, where: Where, program: Path | None, host: str, port: int) -> None:
    """Run one worker of an engine, or its API, as this process."""
    settings, place = _servers(worker, where)
    check_program(program, settings)

    def run(listener: socket.socket) -> None:
        from clew.processes.engine import EngineProcess, run_alone
        from installation.workers import Worker

        roles = frozenset(role for role in Worker if role.value == worker)
        run_alone(EngineProcess(place, settings, program, url_of(listener), roles, not roles), listener)

    _run(lambda: run(bind(host, port)))


def check_program(program: Path | None, settings: Settings) -> None:
    """Exit with an error if there is neither a program file nor a control plane to follow."""
    if program is None and not settings.follow.url:
        raise fail(
            "there is no program: give --program FILE, or set CLEW_FOLLOW__URL to the address of the control plane",
            WRONG_USE,
        )


def _servers(worker: str, where: Where) -> tuple[Settings, InstallationAddress]:
    settings = settings_or_exit()
    place = where.address_or_exit(settings)
    if not place.on_servers:
        raise fail(
            "on one machine `clew serve` runs every worker; for servers, set --log and --warehouse",
            WRONG_USE,
        )
    configure_logs(worker)
    return settings, place


@with_option_groups
def migrate(where: Where) -> None:
    """Upgrade tables, topics and control plane to this version.

    `clew serve` does this when it starts.
    """
    settings = settings_or_exit()
    place = where.address_or_exit(settings)
    configure_logs("migrate")

    def run() -> None:
        from installation.engine import trouble_as_user_error
        from installation.migrate import prepare

        with trouble_as_user_error(place):
            applied = asyncio.run(prepare(place, settings)) + _migrate_control(where.data, settings)
        out.print("\n".join(f"applied {name}" for name in applied) or "nothing to apply")

    _run(run)


def _migrate_control(data: Path | None, settings: Settings) -> list[str]:
    """Upgrade the control plane, if the installation has one; return the names of the migrations. Raises UserError."""
    if not settings.control and (data is None or not has_control_plane(data)):
        return []
    place = find_control_place(data, None, settings)
    place.start(settings, signs=False, migrates=False)
    from control.migrate import migrate as migrate_database

    return migrate_database(place.address)


def _run(work: Callable[[], None]) -> None:
    """Run a command; print a known error as one sentence and exit with its code."""
    try:
        with errors_as_exit_codes():
            work()
    except ProgramUnreadable as error:
        raise fail(str(error), UNREACHABLE) from None
    except (ProgramError, BadHost) as error:
        raise fail(str(error), WRONG_USE) from None
    except (PortTaken, AlreadyServed, LogUnavailable, KeysFileError, OSError) as error:
        raise fail(str(error), UNREACHABLE) from None
