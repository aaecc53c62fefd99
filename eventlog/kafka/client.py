"""Connections to Kafka: options and errors of the client library, and its log lines at a limited rate."""

import logging
import ssl
from typing import Any

import aiokafka.admin.client
import aiokafka.client
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from eventlog.address import KafkaLog
from runtime.logs import logger
from runtime.settings import KafkaSettings

TROUBLE = (KafkaError, OSError, TimeoutError)
"""Errors of the client library when Kafka is unavailable or refuses."""

RETRY_BACKOFF_MS = 100
METADATA_AGE_MAX_MS = 5_000
"""Longest delay until producers and groups notice new partitions."""

_LOG_INTERVAL_S = 10.0
_LOG_KINDS_MAX = 1_000


class _NoCreation(MetadataRequest):  # type: ignore[misc]  # the library has no types
    """Asks about topics without making those that are missing, as the library's own does.

    A topic that somebody removes would otherwise come back at once, with a broker's defaults.
    """

    def __init__(self, topics: list[str] | None = None, allow_auto_topic_creation: bool = False) -> None:
        super().__init__(topics, allow_auto_topic_creation)


# No option of the library reaches it.
aiokafka.client.MetadataRequest = _NoCreation
aiokafka.admin.client.MetadataRequest = _NoCreation


class _SparingHandler(logging.Handler):
    """Hands the library's warnings on, one of a kind in ten seconds: it writes several per retry and partition."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._last_s: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        kind = f"{record.name} {record.msg}"
        if record.created - self._last_s.get(kind, 0.0) < _LOG_INTERVAL_S:
            self._held_back[kind] = self._held_back.get(kind, 0) + 1
            return
        if len(self._last_s) >= _LOG_KINDS_MAX:
            self._last_s.clear()
            self._held_back.clear()
        self._last_s[kind] = record.created
        held_back = self._held_back.pop(kind, 0)
        logger("kafka").warning("kafka_client", client=record.name, said=record.getMessage(), held_back=held_back)


def tame_logs() -> None:
    """Once per process: the library's log lines go through ours. They hold no password."""
    found = logging.getLogger("aiokafka")
    if not any(isinstance(handler, _SparingHandler) for handler in found.handlers):
        found.addHandler(_SparingHandler())
        found.propagate = False


def connection_options(address: KafkaLog, settings: KafkaSettings, client_id: str) -> dict[str, Any]:
    """Return the arguments of every client of the library. Raises OSError if the CA file is unreadable."""
    tame_logs()
    options: dict[str, Any] = {
        "bootstrap_servers": list(address.servers),
        "client_id": client_id,
        "request_timeout_ms": settings.request_timeout_ms,
        "retry_backoff_ms": RETRY_BACKOFF_MS,
        "metadata_max_age_ms": METADATA_AGE_MAX_MS,
        "security_protocol": ("SASL_" if address.user else "") + ("SSL" if address.tls else "PLAINTEXT"),
    }
    if address.tls:
        options["ssl_context"] = ssl.create_default_context(cafile=address.ca_file)
    if address.user:
        options |= {
            "sasl_mechanism": address.mechanism,
            "sasl_plain_username": address.user,
            "sasl_plain_password": address.password,
        }
    return options


async def connect(address: KafkaLog, settings: KafkaSettings, client_id: str) -> AIOKafkaClient:
    """Return a connected client. Raises TROUBLE."""
    client = AIOKafkaClient(**connection_options(address, settings, client_id))
    try:
        await client.bootstrap()
    except TROUBLE:
        await client.close()
        raise
    return client
