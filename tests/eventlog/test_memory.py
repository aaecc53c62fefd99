"""The log in memory keeps the contract, so that what is tested on it holds on the others."""

import secrets

import pytest

from eventlog.memory import MemoryConsumer, MemoryLog, MemoryProducer
from eventlog.port import DedupRule, Partition
from schemas.dedup.rules import decide
from tests.contracts.deciding_log import DecidingLogContract
from tests.contracts.eventlog import LogContract


class MemoryBench:
    def __init__(self) -> None:
        self.log = MemoryLog()

    def producer(self, worker: int, rule: DedupRule = decide) -> MemoryProducer:
        return MemoryProducer(self.log, rule)

    def consumer(self, group: str) -> MemoryConsumer:
        return MemoryConsumer(self.log, group)

    def remake(self, partition: Partition) -> None:
        self.log.records[partition] = []
        self.log.log_ids[partition] = secrets.token_hex(16)


class TestMemoryLog(LogContract, DecidingLogContract):
    @pytest.fixture
    def bench(self) -> MemoryBench:
        return MemoryBench()
