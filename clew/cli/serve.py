"""Commands that run something: serve, and the stations that it consists of, one process each, on servers."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from clew.cli.options import Data, Host, Log, MetricsPort, Port, ProgramFile, Warehouse, Where, settings_or_exit
from clew.cli.output import errors_as_exit_codes, fail, out
from clew.http.sockets import PortTaken, bind, url_of
from clew.processes.supervisor import AlreadyServed, Parent, ServeOptions
from installation.address import InstallationAddress
from installation.directory import DataDir
from installation.keys import KeysFileError
from installation.program_file import ProgramError, ProgramUnreadable
from runtime.clock import SystemClock
from runtime.logs import configure_logs
from runtime.settings import Settings
from runtime.user_error import UNREACHABLE, WRONG_USE


def serve(
    program: ProgramFile,
    data: Data = None,
    log: Log = None,
    warehouse: Warehouse = None,
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port for links, pixels and events.", min=0, max=65535)] = 8080,
    api_port: Annotated[int, typer.Option(help="Port for reports and explanations.", min=0, max=65535)] = 8081,
    workers: Annotated[int, typer.Option(help="Edge processes.", min=1, max=64)] = 1,
) -> None:
    """Run everything under one parent: edge workers, ingest, attribution and the API; on one machine or on servers."""
    settings = settings_or_exit()
    place = Where(data, log, warehouse).address_or_exit(settings)
    if place.data is None:
        raise fail("serve keeps token keys and more in a directory; give --data DIR", WRONG_USE)
    configure_logs("serve")
    options = ServeOptions(
        DataDir(place.data.root.absolute()), program, host, port, api_port, workers,
        _absolute(log or settings.log or ""), _absolute(warehouse or settings.warehouse or ""), place.on_servers,
    )  # fmt: skip
    _run(lambda: asyncio.run(_serve(options, settings)))


def _absolute(address: str) -> str:
    """An address whose folder does not depend on the working directory: children have another one."""
    kind, colon, folder = address.partition(":")
    return f"{kind}:{Path(folder).absolute()}" if colon and kind in ("sqlite", "chdb") else address


async def _serve(options: ServeOptions, settings: Settings) -> None:
    await Parent(options, settings, SystemClock()).run()


def tracker(
    program: ProgramFile,
    port: Port,
    data: Data = None,
    log: Log = None,
    warehouse: Warehouse = None,
    host: Host = "127.0.0.1",
) -> None:
    """Answer links, pixels, postbacks and events on servers. DIR holds what waits while Kafka is away."""
    settings, place = _servers("tracker", Where(data, log, warehouse))
    if place.data is None:
        raise fail("a tracker keeps what waits for Kafka in a directory; give --data DIR", WRONG_USE)
    place.data.make()

    def run(listener: socket.socket) -> None:
        from clew.processes.edge import EdgeProcess, run_alone

        run_alone(EdgeProcess(place, settings, program), listener)

    _run(lambda: run(bind(host, port)))


def ingest(
    program: ProgramFile,
    metrics_port: MetricsPort,
    data: Data = None,
    log: Log = None,
    warehouse: Warehouse = None,
    host: Host = "127.0.0.1",
) -> None:
    """Store what Kafka holds in ClickHouse. Any number may run; they share the partitions."""
    _run_engine("ingest", Where(data, log, warehouse), program, host, metrics_port)


def follow(where: Where, program: Path, host: str, metrics_port: int) -> None:
    """Credit and price what ingest has stored, for as long as it runs; what `clew attribute --follow` does."""
    _run_engine("attribution", where, program, host, metrics_port)


def api(
    program: ProgramFile,
    port: Port,
    data: Data = None,
    log: Log = None,
    warehouse: Warehouse = None,
    host: Host = "127.0.0.1",
) -> None:
    """Answer reports, conversions and explanations on servers."""
    _run_engine("api", Where(data, log, warehouse), program, host, port)


def _run_engine(station: str, where: Where, program: Path, host: str, port: int) -> None:
    """A process of its own for one part of an engine."""
    settings, place = _servers(station, where)

    def run(listener: socket.socket) -> None:
        from clew.processes.engine import EngineProcess, run_alone
        from installation.engine import Worker

        roles = frozenset(role for role in Worker if role.value == station)
        run_alone(EngineProcess(place, settings, program, url_of(listener), roles, not roles), listener)

    _run(lambda: run(bind(host, port)))


def _servers(station: str, where: Where) -> tuple[Settings, InstallationAddress]:
    settings = settings_or_exit()
    place = where.address_or_exit(settings)
    if not place.on_servers:
        raise fail("on one machine `clew serve` runs every station; set --log and --warehouse to servers", WRONG_USE)
    configure_logs(station)
    return settings, place


def migrate(data: Data = None, log: Log = None, warehouse: Warehouse = None) -> None:
    """Bring tables, and Kafka's topics, up to this version; `serve` does it by itself at its start."""
    settings = settings_or_exit()
    place = Where(data, log, warehouse).address_or_exit(settings)
    configure_logs("migrate")

    def run() -> None:
        from installation.engine import trouble_as_user_error
        from installation.migrate import prepare

        with trouble_as_user_error(place):
            applied = asyncio.run(prepare(place, settings))
        out.print("\n".join(f"applied {name}" for name in applied) or "nothing to apply", markup=False)

    _run(run)


def _run(work: Callable[[], None]) -> None:
    """Do it; what stands in its way is a sentence and an exit code."""
    from eventlog.port import LogUnavailable

    try:
        with errors_as_exit_codes():
            work()
    except ProgramUnreadable as error:
        raise fail(str(error), UNREACHABLE) from None
    except ProgramError as error:
        raise fail(str(error), WRONG_USE) from None
    except (PortTaken, AlreadyServed, LogUnavailable, KeysFileError, OSError) as error:
        raise fail(str(error), UNREACHABLE) from None
