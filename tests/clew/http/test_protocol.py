"""The server's protocol over real sockets: bounds while a request is read, pipelining, time limits, raw targets."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

import pytest
import uvloop

from clew.http.protocol import BoundedProtocol
from clew.http.refusals import HttpLimits
from clew.http.server import HttpServer, http_server
from clew.http.sockets import bind
from eventlog.port import LogUnavailable
from tests.tracker.edge_fixture import API_KEY, SECRET, Stage
from tests.tracker.test_events import touch
from tests.tracker.test_postbacks import token

SMALL = HttpLimits(url_bytes_max=200, header_bytes_max=400)


@asynccontextmanager
async def served(stage: Stage, limits: HttpLimits = HttpLimits()) -> AsyncIterator[tuple[int, HttpServer]]:  # noqa: B008
    server = http_server(stage.app, 1, limits, stage.app.on_refused)
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield port, server
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def ask(port: int, *parts: bytes) -> bytes:
    """Send the parts one by one, of which the last must end the connection; everything that comes back until then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)
        while piece := await asyncio.wait_for(reader.read(65_536), 60):
            answer += piece
    except (ConnectionResetError, BrokenPipeError):
        pass
    finally:
        writer.close()
    return answer


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def outline() -> None:
        await work()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(outline())


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


HOST = b"Host: track.example\r\n"
CLOSE = b"Connection: close\r\n"


@pytest.mark.parametrize(
    ("parts", "code", "error"),
    [
        ([b"GET /c/x?" + b"a" * 300], 414, "url_too_long"),
        ([b"GET /c/x?" + b"a" * 90, b"a" * 90, b"a" * 300], 414, "url_too_long"),
        ([b"GET /c/x?" + b"a" * 300 + b" HTTP/1.1\r\n" + HOST + b"\r\n"], 414, "url_too_long"),
        ([b"GET /c/x HTTP/1.1\r\n" + HOST + b"A: " + b"b" * 500], 431, "headers_too_large"),
        ([b"GET /c/x HTTP/1.1\r\n", HOST, b"A: " + b"b" * 500 + b"\r\n\r\n"], 431, "headers_too_large"),
        ([b"GET /c/x HTTP/1.1\r\n" + HOST + b"x:\r\n" * 200], 431, "headers_too_large"),
        ([b"GET /c/x HTTP/1.1\r\n" + HOST + b"A: b", *[b"b" * 50] * 10], 431, "headers_too_large"),
        ([b"GET /c/x HTTP/1.1\r\n\r\n"], 400, "host_invalid"),
        ([b"GET /c/x HTTP/1.1\r\n" + HOST + HOST + b"\r\n"], 400, "host_invalid"),
        ([b"GET /c/x HTTP/2.0\r\n" + HOST + b"\r\n"], 400, ""),
        ([b"NONSENSE\r\n\r\n"], 400, "malformed_request"),
        ([b"GET /c/x\x00y HTTP/1.1\r\n" + HOST + b"\r\n"], 400, "malformed_request"),
        ([b"\x16\x03\x01\x02\x00\x01\n"], 400, "malformed_request"),
        (
            [b"POST /postback HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n"],
            400,
            "trailers_refused",
        ),
        (
            [b"POST /postback HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"e" * 40_000],
            400,
            "chunk_line_too_long",
        ),
        (
            [
                b"POST /postback HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
                *[b"X: " + b"y" * 20_000] * 3,
            ],
            400,
            "",
        ),
    ],
)
def test_what_is_over_a_limit_is_refused_while_it_is_read(parts: list[bytes], code: int, error: str) -> None:
    async def story() -> None:
        async with served(Stage(), SMALL) as (port, _):
            answer = await ask(port, *parts)
            assert status(answer) == code, answer
            head, _, body = answer.partition(b"\r\n\r\n")
            assert b"content-type: application/json" in head and b"connection: close" in head
            problem = json.loads(body)
            assert problem["fix"] and problem["error"] == (error or problem["error"])
            good = await ask(port, b"GET /healthz HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
            assert status(good) == 200

    run(story)


@pytest.mark.parametrize(
    ("path", "kind"), [("/c/bl-shoes", "click"), ("/i/bl-shoes.gif", "impression"), ("/postback", "conversion")]
)
def test_refused_hits_are_recorded_without_what_they_carried(path: str, kind: str) -> None:
    stage = Stage()

    async def story() -> None:
        async with served(stage, SMALL) as (port, _):
            target = path.encode()
            await ask(port, b"GET " + target + b"?secret=hush&sub1=" + b"x" * 300 + b" HTTP/1.1\r\n" + HOST + b"\r\n")
            await ask(port, b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"cookie: " + b"x" * 500 + b"\r\n\r\n")
            await ask(port, b"GET " + target + b" HTTP/1.1\r\n\r\n")

    run(story)
    assert [(event.kind, event.reason, event.field) for event in stage.rejected] == [
        (kind, "too_large", "url"),
        (kind, "too_large", "headers"),
        (kind, "malformed", "host"),
    ]
    assert "hush" not in repr(stage.rejected)


def test_a_refusal_that_cannot_be_recorded_is_still_answered() -> None:
    stage = Stage()
    stage.producer.failing = {"append"}
    stage.producer.error = LogUnavailable("full")

    async def story() -> None:
        async with served(stage, SMALL) as (port, _):
            assert status(await ask(port, b"GET /c/x?" + b"x" * 300)) == 414

    run(story)


def test_memory_stays_bounded_while_a_client_pipelines_without_reading() -> None:
    """At most 16 requests wait; the rest stays in the kernel, so the sender blocks."""
    stage = Stage()

    async def story() -> None:
        async with served(stage) as (port, server):
            client = socket.create_connection(("127.0.0.1", port))
            client.setblocking(False)
            request = b"GET /c/bl-shoes HTTP/1.1\r\n" + HOST + b"\r\n"
            sent = 0
            stage.producer.hanging = True
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(1.5):
                    while True:
                        await loop.sock_sendall(client, request * 500)
                        sent += 500
                        for connection in server.server_state.connections:
                            assert len(connection.pipeline) <= 16  # type: ignore[union-attr]
                            assert len(connection._held) <= 512 * 1024  # type: ignore[union-attr]
            except TimeoutError:
                pass
            assert sent * len(request) < 32_000_000
            client.close()

    run(story)


def test_pipelined_requests_are_answered_in_order_and_all_of_them() -> None:
    stage = Stage()

    async def story() -> None:
        async with served(stage) as (port, _):
            one = b"GET /c/bl-shoes?sub1=%d HTTP/1.1\r\n" + HOST + b"\r\n"
            last = b"GET /nothing HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"
            answer = await ask(port, b"".join(one % number for number in range(400)) + last)
            assert answer.count(b"HTTP/1.1 302") == 400 and answer.count(b"HTTP/1.1 404") == 1
            places = [answer.find(b"&s=%d\r" % number) for number in range(400)]
            assert places == sorted(places) and places[0] > 0

    run(story)
    assert len(stage.touches) == 400


def test_requests_behind_bodies_and_split_anywhere() -> None:
    """The same bytes in one piece, byte by byte, or cut at any place have the same answers."""
    click_id = token()
    form = f"click_id={click_id}&secret={SECRET}&amount=5".encode()
    post = (
        b"POST /postback HTTP/1.1\r\n"
        + HOST
        + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(form)
        + form
    )
    raw = "GET /c/bl-shoes?sub1=Müller and sons HTTP/1.1\r\n".encode() + HOST + b"\r\n"
    last = b"GET /healthz HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"
    whole = raw + post + last
    cuts = [[whole], [whole[:7], whole[7:]], [whole[: len(raw) - 2], whole[len(raw) - 2 :]]]
    cuts.append([whole[i : i + 1] for i in range(len(raw))] + [whole[len(raw) :]])

    async def story() -> None:
        for parts in cuts:
            stage = Stage()
            async with served(stage) as (port, _):
                answer = await ask(port, *parts)
            statuses = [int(piece[:3]) for piece in answer.split(b"HTTP/1.1 ")[1:]]
            assert statuses == [302, 200, 200], (len(parts), answer)
            assert [touch.subs for touch in stage.touches] == [{"sub1": "Müller and sons"}]
            assert len(stage.conversions) == 1

    run(story)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Müller".encode(), "Müller"),
        (b"a b  c", "a b  c"),
        ("日本".encode(), "日本"),
        (b"\xe9", "\ufffd"),
        (b'|"<>', '|"<>'),
    ],
)
def test_raw_bytes_in_a_target(raw: bytes, name: str) -> None:
    """PHP, curl and old browsers send them: a visitor is sent on and recorded, a postback gets its verdict."""
    stage = Stage()

    async def story() -> None:
        async with served(stage) as (port, _):
            click = await ask(port, b"GET /c/bl-shoes?sub1=" + raw + b" HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
            assert status(click) == 302 and b"clew-verdict: accepted" in click
            query = f"click_id={token()}&secret={SECRET}&txn_id=r&amount=10&name=".encode() + raw
            answer = await ask(port, b"GET /postback?" + query + b" HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["verdict"] == "accepted"

    run(story)
    assert [touch.subs["sub1"] for touch in stage.touches] == [name]
    (sale,) = stage.conversions
    assert sale.custom["name"] == name


def test_heads_that_do_not_end_and_idle_connections_are_closed() -> None:
    limits = HttpLimits(head_timeout_s=500, idle_timeout_s=1_500, crowded_idle_timeout_s=500)

    def grow_older(server: HttpServer, by_s: float) -> None:
        for connection in cast("set[BoundedProtocol]", server.server_state.connections):
            connection.active_s -= by_s
            if connection.head_started_s is not None:
                connection.head_started_s -= by_s
        server.sweep()

    async def story() -> None:
        async with served(Stage(), limits) as (port, server), AsyncExitStack() as opened:

            async def connect(opening: bytes) -> asyncio.StreamReader:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                opened.callback(writer.close)
                writer.write(opening)
                return reader

            silent = await connect(b"")
            slow = await connect(b"GET /healthz HTTP/1.1\r\nHost")
            kept = await connect(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
            assert (await kept.read(1000)).startswith(b"HTTP/1.1 200")
            grow_older(server, 1_000)
            assert await asyncio.wait_for(silent.read(), 60) == b""
            assert await asyncio.wait_for(slow.read(), 60) == b""
            assert len(server.server_state.connections) == 1
            grow_older(server, 1_000)
            assert await asyncio.wait_for(kept.read(), 60) == b""

    run(story)


def test_there_are_never_more_connections_than_the_limit() -> None:
    async def story() -> None:
        async with served(Stage(), HttpLimits(connections_max=30)) as (port, server):
            idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(90)]
            answer = await ask(port, b"GET /c/bl-shoes HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
            assert status(answer) == 302 and len(server.server_state.connections) <= 31
            for _, writer in idle:
                writer.close()

    run(story)


def test_idle_connections_make_room_for_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clew.http.server.descriptors_max", lambda: 60)

    async def story() -> None:
        async with served(Stage()) as (port, server):
            server._other_descriptors = 20
            idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
            answer = await ask(port, b"GET /c/bl-shoes HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
            assert status(answer) == 302
            assert len(server.server_state.connections) <= 60 - 20 - 15
            for _, writer in idle:
                writer.close()

    run(story)


def test_an_upgrade_is_ignored_and_the_body_is_read() -> None:
    """Java's client asks for HTTP/2 on plain connections."""
    stage = Stage()
    line = json.dumps(touch()).encode()
    head = (
        b"POST /v1/events HTTP/1.1\r\n"
        + HOST
        + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
        + f"Authorization: Bearer {API_KEY}\r\nContent-Length: {len(line)}\r\n\r\n".encode()
    )

    async def story() -> None:
        async with served(stage) as (port, _):
            last = b"GET /nothing HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"
            answer = await ask(port, head + line + last)
            assert status(answer) == 200 and b'"accepted"' in answer and answer.count(b"HTTP/1.1 404") == 1

    run(story)
