"""Addresses of logs: what they mean, what is refused, and that no password is ever shown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.address import BadLogAddress, KafkaLog, SqliteLog, parse_log_address, password_in_url
from eventlog.kafka.client import connection_options
from eventlog.kafka.record_ids import HEADER, decode_append_id, encode_append_id
from eventlog.port import AppendId
from runtime.settings import KafkaSettings


@pytest.mark.parametrize(
    ("text", "log"),
    [
        ("sqlite:data/log", SqliteLog(Path("data/log"))),
        ("sqlite:/var/lib/clew", SqliteLog(Path("/var/lib/clew"))),
        ("kafka://a:9092", KafkaLog(("a:9092",))),
        ("kafka://a:9092,b.example:9093/?topic_prefix=clew.", KafkaLog(("a:9092", "b.example:9093"), "clew.")),
        ("kafka://[::1]:9092", KafkaLog(("[::1]:9092",))),
        ("kafkas://a:9093", KafkaLog(("a:9093",), tls=True)),
        ("kafkas://me:secret@a:9093", KafkaLog(("a:9093",), tls=True, user="me", password="secret")),
        (
            "kafkas://m%40e:s%2F%3Acret@a:9093?mechanism=plain&ca_file=/etc/ca.pem",
            KafkaLog(("a:9093",), "", True, "m@e", "s/:cret", "PLAIN", Path("/etc/ca.pem")),
        ),
    ],
)
def test_addresses(text: str, log: SqliteLog | KafkaLog) -> None:
    assert parse_log_address(text) == log


@pytest.mark.parametrize(
    "text",
    [
        "", "kafka", "kafka:a:9092", "kafka://", "kafka://a", "kafka://a:0", "kafka://a:70000", "kafka://a:9092,b",
        "sqlite:", "data/log", "http://a:9092", "kafka://a:9092?prefix=x", "kafka://a:9092?topic_prefix=a/b",
        "kafkas://me@a:9092", "kafkas://me:x@a:9092?mechanism=gssapi", "clickhouse://a:8123",
    ],
)  # fmt: skip
def test_what_is_no_log_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadLogAddress, match=r"[a-z]"):
        parse_log_address(text)


def test_the_password_comes_from_the_caller_and_is_never_shown() -> None:
    log = parse_log_address("kafkas://me@a:9093,b:9093?topic_prefix=x.", "hush-hush")
    assert isinstance(log, KafkaLog) and log.password == "hush-hush"
    assert str(log) == "kafkas://me@a:9093,b:9093?topic_prefix=x."
    assert "hush-hush" not in repr(log)
    assert connection_options(log, KafkaSettings(), "test")["sasl_plain_password"] == "hush-hush"
    with pytest.raises(BadLogAddress) as raised:
        parse_log_address("kafkas://me:hush-hush@a", "")
    assert "hush-hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("kafka://a:9092,b:9092", False), ("kafkas://me@a:9093", False), ("kafkas://me:x@a:9093", True),
        ("kafkas://me:x@y@a:9093", True), ("sqlite:/a:b@c", False), ("kafka://a:9092?topic_prefix=a@b", True),
    ],
)  # fmt: skip
def test_a_password_in_a_url_is_seen(text: str, holds: bool) -> None:
    assert password_in_url(text) is holds


def test_security_of_connections(tmp_path: Path) -> None:
    def protocol(text: str) -> str:
        log = parse_log_address(text)
        assert isinstance(log, KafkaLog)
        return str(connection_options(log, KafkaSettings(), "test")["security_protocol"])

    assert protocol("kafka://a:1") == "PLAINTEXT" and protocol("kafkas://a:1") == "SSL"
    assert protocol("kafka://u:p@a:1") == "SASL_PLAINTEXT" and protocol("kafkas://u:p@a:1") == "SASL_SSL"
    with pytest.raises(OSError, match=r"No such file"):
        protocol(f"kafkas://a:1?ca_file={tmp_path / 'none.pem'}")


@given(st.builds(AppendId, st.binary(min_size=16, max_size=16), st.integers(0, 2**64 - 1), st.booleans()))
def test_append_ids_on_the_wire(append_id: AppendId) -> None:
    assert decode_append_id([("other", b"x"), (HEADER, encode_append_id(append_id))]) == append_id
    assert len(encode_append_id(append_id)) == 25


def test_records_of_others_have_no_append_id() -> None:
    assert decode_append_id([]) is None
    assert decode_append_id([(HEADER, b"short"), (HEADER, None), ("Clew", bytes(25))]) is None
