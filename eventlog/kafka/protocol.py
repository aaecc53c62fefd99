"""Two requests of Kafka's protocol by topic id (KIP-516, Kafka 3.1 and later), which the library does not have.

A name says nothing about which topic it is: one that is removed and made again keeps it. Metadata v10 tells the id,
Fetch v13 asks by it, so records of another topic can never be taken for what was asked for.
Field lists: Kafka's clients/src/main/resources/common/message/{Metadata,Fetch}{Request,Response}.json.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

# mypy: disable-error-code="misc, no-any-return, type-arg"
# (the library has no types, so each of its classes is Any)


class Uuid(AbstractType):
    """16 bytes."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


_NAME, _TAGS = CompactString("utf-8"), ("tags", TaggedFields)


class TopicsResponse(Response):
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(("node_id", Int32), ("host", _NAME), ("port", Int32), ("rack", _NAME), _TAGS)),
        ("cluster_id", _NAME),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", _NAME),
                ("topic_id", Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        _TAGS,
                    ),
                ),
                ("authorized_operations", Int32),
                _TAGS,
            ),
        ),
        ("cluster_authorized_operations", Int32),
        _TAGS,
    )


class TopicsRequestV10(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = TopicsResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", Uuid), ("name", _NAME), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        _TAGS,
    )


class TopicsRequest(Request[TopicsRequestV10]):
    """Ids, partitions and leaders of topics; never makes one."""

    API_KEY = 3

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def build(self, request_struct_class: type[TopicsRequestV10]) -> TopicsRequestV10:
        return request_struct_class([(bytes(16), name, {}) for name in self._names], False, False, False, {})


class FetchResponse(Response):
    API_KEY = 1
    API_VERSION = 13
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("session_id", Int32),
        (
            "topics",
            CompactArray(
                ("topic_id", Uuid),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("high_watermark", Int64),
                        ("last_stable_offset", Int64),
                        ("log_start_offset", Int64),
                        ("aborted", CompactArray(("producer_id", Int64), ("first_offset", Int64), _TAGS)),
                        ("preferred_read_replica", Int32),
                        ("records", CompactBytes),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class FetchRequestV13(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 1
    API_VERSION = 13
    RESPONSE_TYPE = FetchResponse
    SCHEMA = Schema(
        ("replica_id", Int32),
        ("max_wait_ms", Int32),
        ("min_bytes", Int32),
        ("max_bytes", Int32),
        ("isolation_level", Int8),
        ("session_id", Int32),
        ("session_epoch", Int32),
        (
            "topics",
            CompactArray(
                ("topic_id", Uuid),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("current_leader_epoch", Int32),
                        ("fetch_offset", Int64),
                        ("last_fetched_epoch", Int32),
                        ("log_start_offset", Int64),
                        ("max_bytes", Int32),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        ("forgotten", CompactArray(("topic_id", Uuid), ("partitions", CompactArray(Int32)), _TAGS)),
        ("rack_id", _NAME),
        _TAGS,
    )


class FetchRequest(Request[FetchRequestV13]):
    """Records of one partition from an offset on; waits for `wait_ms` when there is none yet."""

    API_KEY = 1

    def __init__(self, topic_id: bytes, partition: int, offset: int, bytes_max: int, wait_ms: int) -> None:
        self._topic_id, self._partition, self._offset = topic_id, partition, offset
        self._bytes_max, self._wait_ms = bytes_max, wait_ms

    def build(self, request_struct_class: type[FetchRequestV13]) -> FetchRequestV13:
        partition: tuple[Any, ...] = (self._partition, -1, self._offset, -1, -1, self._bytes_max, {})
        topics: list[Any] = [(self._topic_id, [partition], {})]
        return request_struct_class(
            -1, self._wait_ms, 1, self._bytes_max, 0, 0, -1, topics, [], "", {}
        )  # fmt: skip
