"""A real receiver of webhooks on this machine, and settings that allow it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from control.webhooks import delivering, services
from runtime.control_settings import WebhookSettings
from runtime.settings import Settings


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Receiver"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, dict(self.headers), body))
        status, headers, content = self.server.answers.pop(0) if self.server.answers else (204, {}, b"")
        if not status:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in ({} if status == 204 else {"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Write nothing."""


class Receiver(ThreadingHTTPServer):
    """Receiver that keeps requests, and answers as it is told: status 0 closes the connection without an answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []

    def handle_error(self, _request: object, _address: object) -> None:
        """Write nothing: a sender may close the connection before it has read the answer."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


@pytest.fixture(scope="session")
def running_receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def receiver(running_receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """The receiver without requests, at an address that settings allow."""
    running_receiver.received.clear()
    running_receiver.answers.clear()

    class _Configuration:
        settings = Settings(webhooks=WebhookSettings(private_networks="127.0.0.0/8", timeout_s=30))

    for module in (delivering, services):
        monkeypatch.setattr(module, "current_configuration", lambda: _Configuration)
    return running_receiver
