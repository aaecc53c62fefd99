"""A process that drains the local log of a folder to Kafka: python -m tests.eventlog.kafka_edge_child URL FOLDER.

Says `drained` when nothing is left; tests kill it before.
"""

import asyncio
import sys
from pathlib import Path

from eventlog.address import parse_log_address
from eventlog.kafka.producer import KafkaProducer
from eventlog.open import open_producer
from runtime.clock import SystemClock
from runtime.logs import configure_logs
from runtime.settings import KafkaSettings, Settings
from tests.eventlog.kafka_fixture import QUICK


async def main(url: str, folder: str) -> None:
    settings = Settings(kafka=KafkaSettings(**QUICK))
    producer = await open_producer(parse_log_address(url), settings, SystemClock(), folder=Path(folder))
    assert isinstance(producer, KafkaProducer)
    while producer.degraded_reason():
        await asyncio.sleep(0.01)
    print("drained", flush=True)
    await producer.close()


if __name__ == "__main__":
    configure_logs("drainer")  # logs on stderr: stdout is what tests read
    asyncio.run(main(*sys.argv[1:]))
