"""`clew demo`: serve a sample program, send it made-up traffic over HTTP, and show the results."""

import asyncio
import logging
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from clew.cli.options import settings_or_exit
from clew.cli.output import err, fail, out, print_table
from clew.demo.run import DemoSummary, demo_program_toml, run_demo_traffic
from clew.processes.supervisor import Parent, ServeOptions
from clew.requests.client import send_request
from clew.requests.types import AttributeRequest, AuditRequest, ExplainRequest, ReportRequest, Request
from installation.address import address_in
from installation.directory import DataDir
from integrations.files.replay.send import ReplayError
from reporting.explain_text import lines_of
from runtime.clock import SystemClock
from runtime.logs import configure_logs
from runtime.settings import Settings
from runtime.user_error import NO, UNREACHABLE, UserError

_READY_TIMEOUT_S = 60.0
_SHOWN = (
    *("partner", "offer", "impressions", "clicks", "unique_clicks", "bot_clicks", "conversions", "approved"),
    *("declined", "revenue", "payout", "profit", "currency", "cr", "epc"),
)


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Run until Ctrl-C, and keep the data.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the random traffic.", min=0)] = 1,
) -> None:
    """Show Clew on made-up traffic.

    Prints a report, the explanation of one conversion, the audit and the URLs.
    """
    settings = settings_or_exit()
    configure_logs("demo", level=logging.ERROR)
    folder = Path(tempfile.mkdtemp(prefix="clew-demo-"))
    try:
        asyncio.run(_demo(folder, settings, seed, keep))
    except (UserError, ReplayError, TimeoutError, httpx.HTTPError) as error:
        raise fail(f"the demo failed: {error}", UNREACHABLE) from None
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


async def _demo(folder: Path, settings: Settings, seed: int, keep: bool) -> None:
    program, directory, clock = folder / "program.toml", DataDir(folder / "data"), SystemClock()
    api_key = secrets.token_urlsafe(24)
    program.write_text(demo_program_toml(api_key))
    options = ServeOptions(directory, program, "127.0.0.1", 0, 0, 1, child_log=folder / "serve.log")
    parent = Parent(options, settings, clock)
    serving = asyncio.create_task(parent.run())
    try:
        tracking, api = await _bound(parent, serving)
        with _spinner() as progress:
            task = progress.add_task("starting")
            await _ready(tracking, api)
            summary = await run_demo_traffic(
                tracking, api_key, seed, lambda text: progress.update(task, description=text)
            )
            progress.update(task, description="ingesting and attributing")
            await _ask(directory, settings, AttributeRequest(timeout=60))
        await _show(directory, settings, summary)
        _tell_urls(tracking, api, folder, program, api_key if keep else "", keep)
        if keep:
            await parent.stopping.wait()
    finally:
        parent.stopping.set()
        await serving


async def _bound(parent: Parent, serving: "asyncio.Task[None]") -> tuple[str, str]:
    """Return the URLs once the ports are bound; raise the error that kept the parent from binding them."""
    waiting: list[asyncio.Future[Any]] = [parent.bound, serving]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if not parent.bound.done():
        await serving
    return await parent.bound


async def _ready(*urls: str) -> None:
    async with asyncio.timeout(_READY_TIMEOUT_S), httpx.AsyncClient() as http:
        for url in urls:
            while (await http.get(f"{url}/readyz", timeout=_READY_TIMEOUT_S)).status_code != 200:
                await asyncio.sleep(0.05)


async def _ask(directory: DataDir, settings: Settings, request: Request) -> dict[str, Any]:
    return await asyncio.to_thread(send_request, address_in(directory), settings, SystemClock(), request)


async def _show(directory: DataDir, settings: Settings, summary: DemoSummary) -> None:
    report = await _ask(directory, settings, ReportRequest(name="kpi", by="partner,offer"))
    columns = [name for name in _SHOWN if any(column["name"] == name for column in report["columns"])]
    print_table(
        columns, [[row[name] for name in columns] for row in report["rows"]], "clew report kpi --by partner,offer"
    )
    explained = await _ask(directory, settings, ExplainRequest(conversion_id=summary.conversion_id))
    out.print(f"\nclew explain {summary.conversion_id}")
    for line in lines_of(explained):
        out.print(line)
    audit = await _ask(directory, settings, AuditRequest())
    failed = [check["name"] for check in audit["checks"] if not check["ok"]]
    out.print(
        f"\nclew audit: {'ok' if audit['ok'] else 'FAILED: ' + ', '.join(failed)} ({len(audit['checks'])} checks)"
    )
    if not audit["ok"]:
        raise UserError("the audit failed; see its checks above", NO)


def _tell_urls(tracking: str, api: str, folder: Path, program: Path, api_key: str, keep: bool) -> None:
    out.print("\nURLs while it runs")
    out.print(f"  a link        {tracking}/c/…  (codes in {program.name})")
    out.print(f"  postbacks     {tracking}/postback")
    out.print(f"  reports       {api}/v1/reports/kpi?by=partner,offer")
    out.print(f"  metrics       {tracking}/metrics")
    if keep:
        out.print(f"  data          {folder}/data, program {program}")
        out.print(f"  API key       {api_key}")
        err.print("running until Ctrl-C …")
    else:
        out.print("  (stopped now; `make demo KEEP=1` leaves it running)")


def _spinner() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=Console(stderr=True)
    )
