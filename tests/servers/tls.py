"""TLS in front of a test server, with a certificate of its own authority."""

import asyncio
import ssl
import subprocess
from pathlib import Path

from tests.servers.proxy import Proxy
from tests.servers.skip import skip_or_fail


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out",
        str(certificate),
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.CalledProcessError) as error:
        skip_or_fail(f"no certificate can be made: {error}")
    return certificate, key


class TlsProxy(Proxy):
    """The proxy, speaking TLS to clients."""

    def __init__(self, host: str, port: int, certificate: Path, key: Path) -> None:
        super().__init__(host, port)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "localhost", self.port, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
