"""Webhooks reach public addresses only, and no receiver holds a worker: time, bytes and redirects are bounded."""

import datetime
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from control.webhooks import sending
from control.webhooks.models import ANSWER_BYTES_MAX
from control.webhooks.sending import Outcome, open_line
from control.webhooks.target import (
    LOOK_UPS_MAX,
    TargetRefused,
    is_allowed,
    is_literal_refused,
    look_up,
    parse_target,
    resolve,
)
from runtime.clock import SystemClock
from tests.control.webhooks.conftest import Receiver

HERE = (ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),  # where clouds keep credentials
        ("100.64.0.1", False),
        ("224.0.1.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_only_public_addresses_are_allowed(address: str, allowed: bool) -> None:
    assert is_allowed(ip_address(address), ()) is allowed


def test_settings_allow_networks() -> None:
    assert is_allowed(ip_address("127.0.0.1"), HERE) and is_allowed(ip_address("::ffff:127.0.0.1"), HERE)
    assert not is_allowed(ip_address("10.0.0.1"), HERE) and not is_allowed(ip_address("::1"), HERE)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/",
        "file:///etc/passwd",
        "//shop.example/",
        "https://",
        "https://user:word@shop.example/",
        "https://shop.example/#part",
        "https://shop.example:99999/",
        "https://shop.example:0/",
        "https://shop.example/a b",
        "https://shop.example\\@10.0.0.1/",
        "https://shöp.example/",
        "https://[::1/",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        parse_target(url)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost"])
def test_names_of_this_machine_are_resolved_before_they_are_checked(host: str) -> None:
    with pytest.raises(TargetRefused, match="not a public address"):
        resolve(parse_target(f"http://{host}/"), ())
    assert str(resolve(parse_target("http://127.1/"), HERE)) == "127.0.0.1"
    assert is_literal_refused(parse_target("http://localhost/"), ())
    assert not is_literal_refused(parse_target("https://shop.example/"), ())


def _post(url: str, timeout_s: float = 30) -> Outcome:
    with open_line(url, HERE, SystemClock(), timeout_s) as line:
        return line.post({"webhook-id": "evt_1"}, b"{}")


def test_the_connection_goes_to_the_checked_address(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public when it is checked and private afterwards reaches nothing: it is resolved once."""
    port, asked = receiver.server_address[1], []
    real = socket.getaddrinfo

    def answers_in_turn(host: str, *arguments: object, **named: object) -> object:
        if host != "rebind.example":
            return real(host, *arguments, **named)  # type: ignore[arg-type]
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "10.0.0.1", *arguments, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("control.webhooks.target.socket.getaddrinfo", answers_in_turn)
        outcome = _post(f"http://rebind.example:{port}/hook?x=1")
    assert outcome == Outcome(204)
    path, headers, body = receiver.received[0]
    assert (path, headers["Host"], body) == ("/hook?x=1", f"rebind.example:{port}", b"{}")
    assert asked == ["rebind.example"]


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.answers = [(302, {"Location": receiver.url}, b"")]
    outcome = _post(receiver.url)
    assert outcome.status == 302 and "not followed" in outcome.error and len(receiver.received) == 1


def test_answers_are_cut(receiver: Receiver) -> None:
    receiver.answers = [(500, {"Retry-After": "120"}, b"x\x00\xff" * 100_000)]
    outcome = _post(receiver.url)
    assert (outcome.status, outcome.retry_after_s, outcome.is_delivered) == (500, 120, False)
    assert len(outcome.answer.encode("utf-16-le")) <= 2 * ANSWER_BYTES_MAX and "\x00" not in outcome.answer


@contextmanager
def _server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that treats one connection as it is told."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            connection, _ = listening.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


def _read_request(connection: socket.socket) -> None:
    """Read one whole request: closing a connection with unread bytes resets it, and the answer may be lost."""
    with connection.makefile("rb") as file:
        head = http.client.parse_headers(file) if file.readline() else {}
        file.read(int(head.get("Content-Length", 0)))


def _drip(connection: socket.socket) -> None:
    """Answer one byte at a time, for as long as somebody reads."""
    with pytest.raises(OSError):
        _read_request(connection)
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000:
            connection.send(bytes([byte]))
            time.sleep(0.02)


def test_slow_answers_end_at_the_deadline() -> None:
    began_s = time.monotonic()
    with _server(_drip) as port:
        outcome = _post(f"http://127.0.0.1:{port}/", timeout_s=0.3)
    assert outcome.status is None and "0.3 s" in outcome.error
    assert time.monotonic() - began_s < 60, "the whole answer takes 200 s"


def test_nothing_that_answers_is_an_outcome() -> None:
    for answer in (b"", b"SSH-2.0-x\r\n\r\n"):
        with _server(lambda connection, answer=answer: [_read_request(connection), connection.sendall(answer)]) as port:  # type: ignore[misc]
            assert _post(f"http://127.0.0.1:{port}/").error
    assert "refused" in _post(f"http://127.0.0.1:{port}/").error.lower()
    assert "not a public address" in _post("http://10.0.0.1/").error
    assert _post(f"http://{'x' * 70}.example/").error


def _certificate(folder: Path) -> Path:
    """Make a certificate for localhost, with its key in the same file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "localhost.pem"
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, form, serialization.NoEncryption()))
    return file


def test_certificates_are_checked_by_the_name_and_not_by_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def serve(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                _read_request(secured)
                secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        except OSError:
            return

    with _server(serve) as port:
        assert "certificate" in _post(f"https://localhost:{port}/").error
    monkeypatch.setattr(sending, "tls_context", lambda: ssl.create_default_context(cafile=str(file)))
    with _server(serve) as port:
        assert _post(f"https://localhost:{port}/") == Outcome(204)
    with _server(serve) as port:
        assert "certificate" in _post(f"https://127.0.0.1:{port}/").error


def test_a_resolver_that_hangs_holds_a_request_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, asked = threading.Event(), threading.Semaphore(0)

    def hang(*_arguments: object, **_named: object) -> list[object]:
        asked.release()
        answers.wait()
        return []

    with monkeypatch.context() as patch:
        patch.setattr("control.webhooks.target.socket.getaddrinfo", hang)
        try:
            with pytest.raises(OSError, match="the resolver did not answer for slow"):
                look_up("slow.example", 443, 0.01)
            for _ in range(LOOK_UPS_MAX - 1):
                with pytest.raises(OSError, match="did not answer"):
                    look_up("slow.example", 443, 0)
            with pytest.raises(OSError, match="16 look-ups hang"):
                look_up("slow.example", 443, 10)
        finally:
            answers.set()
    for thread in threading.enumerate():
        if thread.name == "look-up":
            thread.join()
    assert [str(address) for address in look_up("localhost", 443, 60)][:1] in (["127.0.0.1"], ["::1"])
