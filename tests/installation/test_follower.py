"""A follower asks over real HTTP, goes on after errors, and asks for what an answer leaves out."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from installation.control_source import ControlAway, ControlSource
from installation.follower import Follower, retry_pause_s
from program.feed import Answer, Asked, Contents, Wanted

KEY = "key-of-the-machines-of-this-test-is-long"


class Plane(ThreadingHTTPServer):
    """A control plane of which the test says what it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, bytes]] = []
        self.asked: list[dict[str, str]] = []
        self.contents: dict[bytes, bytes] = {}
        self.at_once = 100
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Plane

    def do_GET(self) -> None:
        self.server.asked.append({name: value for name, [value] in parse_qs(urlsplit(self.path).query).items()})
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self._send(401, b"no")
        else:
            self._send(*(self.server.answers.pop(0) if self.server.answers else (204, b"")))

    def do_POST(self) -> None:
        wanted = msgspec.msgpack.decode(self.rfile.read(int(self.headers["Content-Length"])), type=Wanted).hashes
        there = [digest for digest in wanted if digest in self.server.contents][: self.server.at_once]
        self._send(200, msgspec.msgpack.encode(Contents({digest: self.server.contents[digest] for digest in there})))

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class Noted:
    """A copy that only keeps what it was given."""

    def __init__(self, wanted: Sequence[bytes] = ()) -> None:
        self.wanted, self.sequence = wanted, 0
        self.found: Mapping[bytes, bytes] = {}

    def asked(self) -> Asked:
        return Asked(name="vm/edge-0", kind="edge", sequence=self.sequence)

    def take(self, answer: Answer, find: Callable[[Sequence[bytes]], Mapping[bytes, bytes]]) -> None:
        self.found, self.sequence = find(self.wanted), answer.sequence


@pytest.fixture
def plane() -> Iterator[Plane]:
    server = Plane()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def answer(sequence: int, contents: dict[bytes, bytes] | None = None) -> tuple[int, bytes]:
    return 200, msgspec.msgpack.encode(Answer(sequence=sequence, contents=contents or {}))


def test_what_an_answer_leaves_out_is_asked_for(plane: Plane) -> None:
    hashes = [bytes([n]) * 16 for n in range(7)]
    plane.contents = {digest: digest[:1] for digest in hashes[1:]}
    plane.at_once = 2
    plane.answers = [answer(3, {hashes[0]: b"0"})]
    source, copy = ControlSource(plane.url, KEY), Noted(hashes)
    Follower(source, copy, 0, 1).step(0)
    source.close()
    assert copy.sequence == 3 and set(copy.found) == set(hashes)
    [asked] = plane.asked
    assert (asked["name"], asked["kind"], asked["sequence"], asked["wait"]) == ("vm/edge-0", "edge", "0", "0")


def test_nothing_new_changes_nothing(plane: Plane) -> None:
    source = ControlSource(plane.url, KEY)
    assert source.ask(Noted().asked(), 0) is None and source.ask(Noted().asked(), 0) is None
    source.close()


def test_errors_say_what_happened_and_never_the_key(plane: Plane) -> None:
    asked = Noted().asked()
    for status, body, sentence in [(503, b"wait", "answered 503: wait"), (200, b"\xff", "cannot be read")]:
        plane.answers = [(status, body)]
        source = ControlSource(plane.url, KEY)
        with pytest.raises(ControlAway, match=sentence) as caught:
            source.ask(asked, 0)
        assert KEY not in str(caught.value)
        source.close()
    lacking = ControlSource(plane.url, KEY)
    with pytest.raises(ControlAway, match="lacks 1 contents"):
        lacking.contents([b"?" * 16])
    lacking.close()
    stranger = ControlSource(plane.url, "another-key")
    with pytest.raises(ControlAway, match="answered 401"):
        stranger.ask(asked, 0)
    stranger.close()
    with pytest.raises(ControlAway, match="ConnectionRefusedError"):
        ControlSource("http://127.0.0.1:1", KEY).ask(asked, 0)


def test_a_follower_goes_on_after_errors(plane: Plane) -> None:
    plane.answers = [(500, b""), (200, b"\xff"), answer(1), answer(2)]
    copy = Noted()
    follower = Follower(ControlSource(plane.url, KEY), copy, 0, 0.1)
    follower.start()
    deadline_s = time.monotonic() + 30
    while copy.sequence != 2:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    follower.stop()
    follower.join(30)


def test_no_answer_is_applied_after_the_stop(plane: Plane) -> None:
    copy, applied = Noted(), threading.Event()

    class Slow(Noted):
        def take(self, answer: Answer, find: Callable[[Sequence[bytes]], Mapping[bytes, bytes]]) -> None:
            applied.set()
            time.sleep(0.2)
            super().take(answer, find)

    plane.answers = [answer(1), answer(2)]
    slow = Slow()
    running = Follower(ControlSource(plane.url, KEY), slow, 0, 0.1)
    running.start()
    assert applied.wait(30)
    running.stop()
    assert slow.sequence == 1, "the answer that is being applied is finished first"
    source = ControlSource(plane.url, KEY)
    stopped = Follower(source, copy, 0, 0.1)
    stopped.stop()
    plane.answers = [answer(3)]
    stopped.step(0)
    source.close()
    assert copy.sequence == 0
    running.join(30)


def test_pauses_double_up_to_the_longest() -> None:
    assert [retry_pause_s(n, 2.0) for n in (1, 2, 3, 5, 6, 1_000)] == [0.1, 0.2, 0.4, 1.6, 2.0, 2.0]
