"""A member of a group in a process of its own, for tests to stop and wake (`-m tests.eventlog.kafka_child URL GROUP`).

Says `owns N`, then reads commands, one a line: `commit` commits an intent on hits-0 under the position it has read.
"""

import asyncio
import sys

from eventlog.address import KafkaLog, parse_log_address
from eventlog.kafka.consumer import KafkaConsumer
from eventlog.port import Fenced, Partition, Position
from runtime.clock import SystemClock
from runtime.logs import configure_logs
from runtime.settings import KafkaSettings
from schemas.events import HITS
from tests.eventlog.kafka_fixture import QUICK


async def main(url: str, group: str) -> None:
    address = parse_log_address(url)
    assert isinstance(address, KafkaLog)
    consumer = KafkaConsumer(address, group, KafkaSettings(**QUICK), SystemClock())
    partition = Partition(HITS, 0)
    print("owns", len(await consumer.partitions()), flush=True)
    print("at", await consumer.committed(partition), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        try:
            await consumer.commit(partition, Position(1, "of the sleeper"))
            print("committed", flush=True)
        except Fenced as error:
            print("fenced", error, flush=True)
    await consumer.close()


if __name__ == "__main__":
    configure_logs("member")  # logs on stderr: stdout is what tests read
    asyncio.run(main(*sys.argv[1:]))
