"""Durable click redirects, compared with a constant 302 of nginx with its access log, alternating on the same core."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.measure import Result, median
from tests.serving import BROWSER, free_port, serving

SECONDS = 5
ROUNDS = 3
CONNECTIONS = 64
SERVER_CORE, _CLIENT_CORE = 0, 1
_NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log {folder}/access.log combined; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 302 https://shop.example/?cid=x; }} }}
}}
"""


def run(folder: Path) -> Iterator[Result]:
    """Measure requests per second of both, medians over turns; then the latency at half of Clew's maximum."""
    if not shutil.which("wrk") or not shutil.which("nginx"):
        yield Result("edge: click redirect", 0, "req/s", note="skipped: nginx and wrk are not installed")
        return
    with serving(folder) as server, nginx(folder) as peer:
        for pid in server.pids_of("edge"):
            os.sched_setaffinity(pid, {SERVER_CORE})
        wrk(f"{server.url}/c/bl-shoes?sub1=x", 1)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(wrk(f"{server.url}/c/bl-shoes?sub1=x", SECONDS))
            theirs.append(wrk(peer, SECONDS))
        yield Result(
            "edge: durable click redirect", median(ours), "req/s", "nginx constant 302", median(theirs),
            "one core, fdatasync before each answer, engine ingesting beside it",
        )  # fmt: skip


def wrk(url: str, seconds: int) -> float:
    """Return the answered requests per second of one client on a separate core."""
    done = subprocess.run(
        [
            *("taskset", "-c", str(_CLIENT_CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"),
            *("-H", f"User-Agent: {BROWSER}", url),
        ],
        capture_output=True, text=True, check=True, timeout=seconds + 30,
    )  # fmt: skip
    assert "Non-2xx" not in done.stdout, done.stdout
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])  # type: ignore[index]


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """Start nginx on the servers' core with a constant 302, and yield its address."""
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port))
    process = subprocess.Popen(
        ["taskset", "-c", str(SERVER_CORE), "nginx", "-c", str(config), "-p", str(folder)], stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(100):
            try:
                httpx.get(url, timeout=1)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)
