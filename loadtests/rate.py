"""An open-loop HTTP client: requests go out on schedule, whether answers came or not, so waiting is not hidden."""

import asyncio
import time
from dataclasses import dataclass, field


@dataclass
class Latencies:
    """Seconds from the scheduled instant to the answer."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0


async def constant_rate(
    host: str, port: int, request: bytes, rate: float, seconds: float, connections: int
) -> Latencies:
    """Send `rate` requests a second over kept-alive connections; a late connection makes its requests late."""
    found = Latencies()
    started = time.perf_counter() + 0.2
    total = int(rate * seconds)

    async def client(first: int) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        for number in range(first, total, connections):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 302"):
                found.failed += 1
            found.seconds.append(time.perf_counter() - due)
        writer.close()

    await asyncio.gather(*(client(n) for n in range(connections)))
    return found
