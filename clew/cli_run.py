"""Commands that run something: serve, migrate."""

import asyncio
from typing import Annotated

import typer

from clew.ask_error import UNREACHABLE, WRONG_USE
from clew.cli_options import Data, ProgramFile, settings_or_exit
from clew.datadir import DataDir
from clew.output import fail, out
from clew.programs import ProgramError, ProgramUnreadable
from clew.serve import AlreadyServed, Parent, PortTaken, ServeOptions
from runtime.clock import SystemClock
from runtime.logs import configure_logs
from runtime.settings import Settings


def serve(
    data: Data,
    program: ProgramFile,
    host: Annotated[str, typer.Option(help="Address to bind; only this machine unless given.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port for links, pixels and events.", min=0, max=65535)] = 8080,
    api_port: Annotated[int, typer.Option(help="Port for reports and explanations.", min=0, max=65535)] = 8081,
    workers: Annotated[int, typer.Option(help="Edge processes.", min=1, max=64)] = 1,
) -> None:
    """Run everything on one machine: edge workers, ingest, attribution and the API."""
    settings = settings_or_exit()
    configure_logs("serve")
    options = ServeOptions(DataDir(data.absolute()), program, host, port, api_port, workers)
    try:
        asyncio.run(_serve(options, settings))
    except ProgramUnreadable as error:
        raise fail(str(error), UNREACHABLE) from None
    except ProgramError as error:
        raise fail(str(error), WRONG_USE) from None
    except (PortTaken, AlreadyServed, OSError) as error:
        raise fail(str(error), UNREACHABLE) from None


async def _serve(options: ServeOptions, settings: Settings) -> None:
    await Parent(options, settings, SystemClock()).run()


def migrate(data: Data) -> None:
    """Bring the warehouse's tables up to this version; `serve` does it by itself at its start."""
    from runtime.settings import WarehouseSettings
    from schemas.ddl import Storage
    from warehouse.chdb import ChdbWarehouse, WarehouseBusy
    from warehouse.migrate import MigrationError
    from warehouse.migrate import migrate as apply

    settings: WarehouseSettings = settings_or_exit().chdb
    directory = DataDir(data)
    directory.make()
    try:
        warehouse = ChdbWarehouse(directory.warehouse, settings)
    except (WarehouseBusy, OSError) as error:
        raise fail(f"{error}; stop `clew serve` first", UNREACHABLE) from None
    try:
        applied = apply(warehouse, Storage(dedup_window_blocks=settings.dedup_window_blocks, fsync=settings.fsync))
    except MigrationError as error:
        raise fail(str(error), UNREACHABLE) from None
    finally:
        warehouse.close()
    out.print("\n".join(f"applied {name}" for name in applied) or "nothing to apply")
