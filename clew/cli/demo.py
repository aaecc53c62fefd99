"""`clew demo`: fill a control plane, serve it, send made-up traffic over HTTP, and show the results."""

import asyncio
import contextlib
import logging
import secrets
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from clew.cli.options import settings_or_exit
from clew.cli.output import err, fail, out, print_table
from clew.demo.control_plane import PARTNER_PEOPLE, PEOPLE, fill_control_plane
from clew.demo.offers import OFFERS
from clew.demo.partners import PARTNERS
from clew.demo.pictures import NoPictures, browser_path, take_pictures
from clew.demo.program import link_code
from clew.demo.run import HISTORY_VISITORS, DemoSummary, go_on_sending, run_demo_traffic
from clew.processes.control_plane import find_control_place
from clew.processes.supervisor import Parent, ServeOptions
from clew.requests.client import send_request
from clew.requests.types import AttributeRequest, AuditRequest, ExplainRequest, ReportRequest, Request
from installation.address import address_in
from installation.directory import DataDir
from integrations.files.replay.send import ReplayError
from reporting.explain_text import lines_of
from runtime.clock import SystemClock
from runtime.files import keep_files_private
from runtime.logs import configure_logs
from runtime.settings import Settings
from runtime.user_error import NO, UNREACHABLE, UserError

_READY_TIMEOUT_S = 60.0
_PARTNERS_SHOWN = 12
_SHOWN = (
    *("impressions", "clicks", "unique_clicks", "bot_clicks", "conversions", "approved"),
    *("declined", "revenue", "payout", "profit", "currency", "cr", "epc"),
)


@dataclass(frozen=True, slots=True)
class _Demo:
    """Options of one run, with the secrets made for it."""

    directory: DataDir
    settings: Settings
    seed: int
    visitors: int
    keep: bool
    pictures: Path | None
    api_key: str
    password: str
    """Password of every person of the demo."""


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Go on with live traffic until Ctrl-C; keep the data.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the random traffic.", min=0)] = 1,
    visitors: Annotated[
        int, typer.Option(metavar="N", help="Number of visitors in the 60 days of history.", min=1, max=100_000)
    ] = HISTORY_VISITORS,
    pictures: Annotated[
        Path | None,
        typer.Option("--pictures", metavar="DIR", help="Write pictures of the console, if there is a Chromium."),
    ] = None,
) -> None:
    """Show Clew on made-up traffic.

    Prints a report, the explanation of one conversion, the audit, the URLs, and a sign-in for each role of the console.
    """
    settings = settings_or_exit()
    configure_logs("demo", level=logging.ERROR)
    keep_files_private()
    folder = Path(tempfile.mkdtemp(prefix="clew-demo-"))
    run = _Demo(
        DataDir(folder / "data"), settings, seed, visitors, keep, pictures,
        secrets.token_urlsafe(24), secrets.token_urlsafe(12),
    )  # fmt: skip
    try:
        _fill(run)
        asyncio.run(_demo(run))
    except (UserError, ReplayError, TimeoutError, httpx.HTTPError) as error:
        raise fail(f"the demo failed: {error}", UNREACHABLE) from None
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _fill(run: _Demo) -> None:
    """Make the control plane's rows, before a process serves them."""
    with _spinner() as progress:
        progress.add_task("filling the control plane")
        run.directory.make()
        find_control_place(run.directory.root, None, run.settings).start(run.settings, signs=True)
        fill_control_plane(run.api_key, run.password)


async def _demo(run: _Demo) -> None:
    options = ServeOptions(
        run.directory, None, "127.0.0.1", 0, 0, 1, web_port=0, child_log=run.directory.root.parent / "serve.log"
    )
    parent = Parent(options, run.settings, SystemClock())
    serving = asyncio.create_task(parent.run())
    try:
        if not await _unless_stopped(serving, _show_everything(run, parent, serving)):
            raise UserError("it was stopped before it had shown everything", UNREACHABLE)
        if run.keep:
            await _unless_stopped(serving, go_on_sending(parent.bound.result()[0], run.api_key, run.seed))
    finally:
        parent.stopping.set()
        await serving


async def _unless_stopped(serving: "asyncio.Task[None]", work: Coroutine[Any, Any, None]) -> bool:
    """Do the work, or give it up when Ctrl-C has stopped the parent; return whether it ended."""
    working = asyncio.create_task(work)
    await asyncio.wait((serving, working), return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    return not working.cancelled()


async def _show_everything(run: _Demo, parent: Parent, serving: "asyncio.Task[None]") -> None:
    """Send traffic and show what Clew makes of it."""
    tracking, api, web = await _bound(parent, serving)
    with _spinner() as progress:
        task = progress.add_task("starting")
        await _ready(tracking, api, web)
        summary = await run_demo_traffic(
            tracking, run.api_key, run.seed, lambda text: progress.update(task, description=text),
            visitors_count=run.visitors,
        )  # fmt: skip
        progress.update(task, description="ingesting and attributing")
        await _ask(run.directory, run.settings, AttributeRequest(timeout=60))
    await _show(run.directory, run.settings, summary)
    await _take_pictures(run, web)
    _tell_urls(run, tracking, api, web)


async def _bound(parent: Parent, serving: "asyncio.Task[None]") -> tuple[str, str, str]:
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
    for by, limit in (("offer", None), ("partner", _PARTNERS_SHOWN)):
        report = await _ask(directory, settings, ReportRequest(name="kpi", by=by))
        columns = [by, *_SHOWN]
        rows = sorted(report["rows"], key=lambda row: -Decimal(row["revenue"]))[:limit]
        title = f"clew report kpi --by {by}" + (f" (the first {limit} by revenue)" if limit else "")
        print_table(columns, [[row[name] for name in columns] for row in rows], title)
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


async def _take_pictures(run: _Demo, web: str) -> None:
    if run.pictures is None:
        return
    try:
        browser_path()
        with _spinner() as progress:
            task = progress.add_task("opening the pages")
            reader, reader_from_right = (email for _, email, _, _ in PARTNER_PEOPLE)
            taken = await take_pictures(
                _by_name(web), PEOPLE[0][1], (reader, reader_from_right), run.password, run.pictures,
                lambda text: progress.update(task, description=text),
            )  # fmt: skip
    except NoPictures as error:
        out.print(f"\nno pictures of the pages: {error}")
    else:
        out.print(f"\n{len(taken)} pictures of console and portal are in {run.pictures}/")


def _tell_urls(run: _Demo, tracking: str, api: str, web: str) -> None:
    out.print("\nURLs while it runs")
    out.print(f"  console       {_by_name(web)}/console/")
    out.print(f"  portal        {_by_name(web)}/portal/")
    out.print(f"  API           {_by_name(web)}/api/v1/docs")
    out.print(f"  a link        {tracking}/c/{link_code(PARTNERS[0], OFFERS[0])}")
    out.print(f"  postbacks     {tracking}/postback")
    out.print(f"  reports       {api}/v1/reports/kpi?by=partner,offer")
    out.print(f"  metrics       {tracking}/metrics")
    if not run.keep:
        out.print("  (stopped now; `make demo KEEP=1` leaves it running)")
        return
    out.print(f"  data          {run.directory.root}")
    out.print(f"  key of events {run.api_key}")
    out.print(f"\nSign-ins of the console, all with the password {run.password}")
    for role, email, _ in PEOPLE:
        out.print(f"  {role:<15} {email}")
    out.print(f"\nSign-ins of the portal, as people of {PARTNERS[0].name}, with the same password")
    for role, email, _, language in PARTNER_PEOPLE:
        out.print(f"  {role:<15} {email} ({language})")
    err.print("\nrunning with live traffic until Ctrl-C …")


def _by_name(url: str) -> str:
    """Return the URL with the name of this machine: browsers allow passkeys there, and not on an address."""
    return url.replace("127.0.0.1", "localhost")


def _spinner() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=Console(stderr=True)
    )
