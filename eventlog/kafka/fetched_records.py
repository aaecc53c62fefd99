"""Records of one fetch from Kafka, decoded as they are taken."""

from collections.abc import Iterator

from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords

from eventlog.kafka.record_ids import decode_append_id
from eventlog.port import Record


class Fetched:
    """Records of one partition from an offset on; decoded one by one, so that what is left over stays small."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.data_bytes = len(data)
        self.next_offset = offset
        """Offset to go on from after what was taken."""
        self.empty = not data
        self._records = self._decoded(data)
        self._ahead: Record | None = None

    def take(self, rows_max: int, bytes_max: int, at_least_one: bool) -> list[Record]:
        """The next records within the limits, the first whatever its size if `at_least_one`.

        Raises CorruptRecordException (the checksum of a batch is wrong).
        """
        taken: list[Record] = []
        size = 0
        while len(taken) < rows_max:
            record = self._ahead or next(self._records, None)
            if record is None:
                self.empty = True
                break
            size += len(record.value)
            if size > bytes_max and (taken or not at_least_one):
                self._ahead = record
                self.next_offset = record.offset
                break
            self._ahead = None
            taken.append(record)
            self.next_offset = record.offset + 1
        return taken

    def _decoded(self, data: bytes) -> Iterator[Record]:
        start = self.next_offset
        batches = MemoryRecords(data)
        while batches.has_next():
            batch = batches.next_batch()
            if not batch.validate_crc():
                raise CorruptRecordException(f"wrong checksum at offset {batch.base_offset}")
            if not batch.is_control_batch:
                for record in batch:
                    if record.offset >= start:
                        yield Record(record.offset, record.value or b"", decode_append_id(record.headers))
            # a batch may end in offsets without a record: markers of transactions, records that compaction took
            self.next_offset = max(self.next_offset, batch.next_offset)
