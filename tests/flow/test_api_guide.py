"""Every example of docs/guide/api.md runs, in order, against a real server with its jobs worker."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.serving import Serving

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "api.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
ADDRESS = "https://partners.acme.example"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    environment = {"CLEW_WEBHOOKS__PRIVATE_NETWORKS": "127.0.0.0/8", "CLEW_TERMS_LEAD_S": "0"}
    made = Serving(tmp_path_factory.mktemp("guide"), None, environment=environment, web=True)
    try:
        yield made.start()
    finally:
        made.kill()


def test_examples(serving: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    assert {kind for kind, _ in BLOCKS} == {"sh", "python", "json"} and len(BLOCKS) > 8
    kept: dict[str, Any] = {"seen": set(), "statuses": []}
    with _receiver(kept) as url:
        kept["RECEIVER"] = url
        for kind, text in BLOCKS:
            if kind == "python":
                exec(compile(text.replace(ADDRESS, serving.web), str(GUIDE), "exec"), kept)
            elif kind == "json":
                assert json.loads(text)
            elif text.startswith("clew "):
                kept["KEY"] = json.loads(serving.clew(*text.split()[1:]))["key"]
            else:
                command = text.replace(ADDRESS, serving.web).replace("$KEY", kept["KEY"])
                done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=30)
                assert json.loads(done.stdout)["items"] == []
            if "def receive" in text:
                _wait(lambda: kept["seen"])
    kept["clew"].close()
    said = capsys.readouterr().out
    assert "bl-shoes is live with version 3" in said and "1 Blue Lagoon" in said and "role " in said
    assert set(kept["statuses"]) == {204}


class _receiver:
    """A receiver that hands requests to `receive` of the guide, once that is defined."""

    def __init__(self, kept: dict[str, Any]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = kept["receive"](dict(self.headers), body) if "receive" in kept else 503
                if "receive" in kept:
                    kept["statuses"].append(status)
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Write nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _wait(condition: Any, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "no webhook arrived"
        time.sleep(0.05)
