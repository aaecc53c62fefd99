"""In-memory log for tests, behind the same port; not durable."""

import secrets
from collections import defaultdict
from collections.abc import Sequence

from eventlog.port import Appended, AppendId, AppendResult, DedupRule, Partition, Position, Record
from schemas.events import HITS, TOPICS


class MemoryLog:
    """A log shared by the producers and consumers of one test. Unless `deduplicated`, records carry append ids."""

    def __init__(self, *, deduplicated: bool = True, hits_partitions: int = 1) -> None:
        counts = dict.fromkeys(TOPICS, 1) | {HITS: hits_partitions}
        self.deduplicated = deduplicated
        self.records: dict[Partition, list[bytes]] = {
            Partition(topic, number): [] for topic, count in counts.items() for number in range(count)
        }
        self.append_ids: dict[tuple[Partition, str], dict[int, AppendId]] = defaultdict(dict)
        """Append ids by offset, per partition and log identity."""
        self.keys: dict[bytes, bytes] = {}
        self.positions: dict[tuple[str, Partition, str], Position] = {}
        topic_ids = {topic: secrets.token_hex(16) for topic in TOPICS}
        self.log_ids = {p: secrets.token_hex(16) if deduplicated else topic_ids[p.topic] for p in self.records}

    def put(self, partition: Partition, value: bytes, append_id: AppendId) -> None:
        """Append a record without deduplication."""
        self.append_ids[partition, self.log_ids[partition]][len(self.records[partition])] = append_id
        self.records[partition].append(value)


class MemoryProducer:
    def __init__(self, log: MemoryLog, rule: DedupRule) -> None:
        self._log, self._rule = log, rule

    async def append(self, topic: str, key: bytes, values: Sequence[bytes]) -> Sequence[Appended]:
        return [self._append(topic, value) for value in values]

    def _append(self, topic: str, value: bytes) -> Appended:
        partition = Partition(topic, 0)
        self._log.records[partition].append(value)
        return Appended(partition, len(self._log.records[partition]) - 1)

    async def decide(
        self, topic: str, values: Sequence[bytes], *, keys: Sequence[bytes], dry_run: bool = False
    ) -> Sequence[AppendResult]:
        claimed: dict[bytes, bytes] = {}
        decisions = []
        for value in values:  # keep nothing before every record is decided: one may raise
            decisions.append(self._rule(lambda key: claimed.get(key, self._log.keys.get(key)), value))
            if not dry_run:
                claimed.update(decisions[-1].puts)
        self._log.keys.update(claimed)
        return [
            AppendResult(
                decision, self._append(topic, decision.record) if decision.record is not None and not dry_run else None
            )
            for decision in decisions
        ]

    async def unhealthy_reason(self) -> str | None:
        return None

    def degraded_reason(self) -> str | None:
        return None

    async def close(self) -> None:
        """Release nothing."""


class MemoryConsumer:
    def __init__(self, log: MemoryLog, group: str) -> None:
        self._log, self._group, self.deduplicated = log, group, log.deduplicated

    async def partitions(self) -> Sequence[Partition]:
        return sorted(self._log.records)

    async def log_id(self, partition: Partition) -> str:
        return self._log.log_ids[partition]

    async def begin(self, partition: Partition) -> int:
        return 0

    async def end(self, partition: Partition) -> int:
        return len(self._log.records[partition])

    async def read(self, partition: Partition, offset: int, rows_max: int, bytes_max: int) -> Sequence[Record]:
        found: list[Record] = []
        size, append_ids = 0, self._log.append_ids[partition, self._log.log_ids[partition]]
        for at, value in enumerate(self._log.records[partition][offset : offset + rows_max], offset):
            size += len(value)
            if found and size > bytes_max:
                break
            found.append(Record(at, value, append_ids.get(at)))
        return found

    def growth_mark(self) -> object | None:
        return None

    async def committed(self, partition: Partition) -> Position | None:
        return self._log.positions.get((self._group, partition, self._log.log_ids[partition]))

    async def commit(self, partition: Partition, position: Position) -> None:
        self._log.positions[(self._group, partition, self._log.log_ids[partition])] = position

    async def trim(self) -> int:
        return 0

    async def close(self) -> None:
        """Release nothing."""
