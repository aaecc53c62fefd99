"""A TCP proxy in a thread that misbehaves on demand: cuts, delays, stands still, loses answers, crawls.

Brokers tell clients where to connect, so a proxy for Kafka rewrites nothing: the node has to advertise the
proxy's address, or the client has to be told (see tests/eventlog/kafka_fixture.py).
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

Judge = Callable[[bytes], bool]


class Proxy:
    """Listens on a free port of the loopback and forwards to `host`:`port`. Use it as a context."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self.port = 0
        self.delay_s = 0.0
        """Every chunk waits for so long, in both directions."""
        self.chunk_bytes = 65_536
        """Smaller is slower: a chunk is forwarded per `delay_s`."""
        self.lose_answers = False
        """Half-open from now on: requests arrive, answers do not."""
        self.refuse = False
        """New connections are closed at once."""
        self.on_request: Judge = lambda data: False
        """Called with each chunk of a client; True: it is forwarded, then `lose_answers` begins."""
        self.lost = threading.Event()
        """Set when `on_request` has said True."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Close every connection now."""

        async def close() -> None:
            for writer in list(self._writers):
                writer.transport.abort()

        self._run(close())

    def mend(self) -> None:
        """Behave again; connections that lost an answer are cut."""
        self.lose_answers, self.refuse, self.delay_s, self.chunk_bytes = False, False, 0.0, 65_536
        self.on_request = lambda data: False
        self.cut()

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # aborted transports let go in a later turn of the loop

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.refuse:
            writer.transport.abort()
            return
        try:
            to_reader, to_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, to_writer}
        try:
            await asyncio.gather(self._pump(reader, to_writer, True), self._pump(to_reader, writer, False))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for end in (writer, to_writer):
                self._writers.discard(end)
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asks: bool) -> None:
        while data := await reader.read(self.chunk_bytes):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if asks and self.on_request(data):
                self.lose_answers = True
                self.lost.set()
            if self.lose_answers and not asks:
                continue
            writer.write(data)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.transport.abort()
