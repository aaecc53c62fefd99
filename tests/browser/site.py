"""A console of its own for the browser: `clew web` on a fresh data directory."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.serving import free_port

READY_TIMEOUT_S = 100


@contextmanager
def console(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run the control plane; the address of its pages."""
    port = free_port()
    words = [sys.executable, "-m", "clew", "web", "--data", str(folder), "--port", str(port)]
    values = os.environ | {"CLEW_WEB__COMPONENT_PAGE": "true"} | dict(environment or {})
    with (folder / "web.log").open("w") as log:
        process = subprocess.Popen(words, env=values, stdout=log, stderr=log)
        try:
            url = f"http://localhost:{port}"  # passkeys need a name
            _wait_ready(process, f"{url}/accounts/login/", folder / "web.log")
            yield url
        finally:
            process.terminate()
            process.wait(60)


def add_operator(folder: Path, email: str, name: str, password: str) -> None:
    """Add an owner by the command that administrators use."""
    words = [sys.executable, "-m", "clew", "user", "add", email, "--role", "owner", "--name", name]
    words += ["--password-stdin", "--data", str(folder)]
    subprocess.run(words, input=password, text=True, check=True, capture_output=True, timeout=60)


def _wait_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the console is not ready: {log.read_text()[-2000:]}")
