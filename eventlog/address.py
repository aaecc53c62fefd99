"""Address of the log: `sqlite:DIR` or `kafka://host:port,host:port?topic_prefix=…`.

`kafkas://` is Kafka over TLS, with a user by SASL: `kafkas://user@host:9093?topic_prefix=clew.`. A password is
never shown; the caller decides where one may come from (`password_in_url`).
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_FORM = "write sqlite:DIR or kafka://host:9092,host:9092?topic_prefix=…"
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_PREFIX = re.compile(r"[A-Za-z0-9._-]{0,100}")


class BadLogAddress(ValueError):
    """The text is not a log address; the message shows the expected form."""


@dataclass(frozen=True, slots=True)
class SqliteLog:
    """The embedded log in one folder."""

    folder: Path

    def __str__(self) -> str:
        return f"sqlite:{self.folder}"


@dataclass(frozen=True, slots=True)
class KafkaLog:
    """Topics of one Kafka cluster."""

    servers: tuple[str, ...]
    topic_prefix: str = ""
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: str = "SCRAM-SHA-512"
    ca_file: Path | None = None

    def __str__(self) -> str:
        """Address without the password."""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        prefix = f"?topic_prefix={self.topic_prefix}" if self.topic_prefix else ""
        return f"{'kafkas' if self.tls else 'kafka'}://{user}{','.join(self.servers)}{prefix}"


LogAddress = SqliteLog | KafkaLog


def parse_log_address(text: str, password: str = "") -> LogAddress:
    """Parse a log address; `password` applies if the text has none. Raises BadLogAddress."""
    kind, colon, rest = text.partition(":")
    if kind == "sqlite" and rest:
        return SqliteLog(Path(rest))
    if kind in ("kafka", "kafkas") and colon and rest.startswith("//"):
        return _kafka(rest[2:], kind == "kafkas", password)
    raise BadLogAddress(f"not a log address; {_FORM}")  # without the text: it may hold a password


def password_in_url(text: str) -> bool:
    """Return True if the text contains a password: allowed in the environment, not in a flag, which `ps` shows."""
    _, _, rest = text.partition("://")
    return ":" in rest.rpartition("@")[0]


def _credentials(rest: str) -> tuple[str, str]:
    """Split the servers' part at its last @ into credentials and the remaining text."""
    servers, question, query = rest.partition("?")
    before, at, after = servers.rpartition("@")
    return (before, after + question + query) if at else ("", rest)


def _kafka(rest: str, tls: bool, password: str) -> KafkaLog:
    credentials, rest = _credentials(rest)
    user, _, given = credentials.partition(":")
    listed, _, query = rest.partition("?")
    if "@" in query:
        raise BadLogAddress("the address of Kafka has a ? before its @; write %3F for a ? in a password")
    servers = tuple(server for server in listed.rstrip("/").split(",") if server)
    if not servers:
        raise BadLogAddress(f"the address of Kafka names no server; {_FORM}")
    for number, server in enumerate(servers, 1):
        found = _SERVER.fullmatch(server)
        if found is None or not 0 < int(found.group(2)) < 65_536:  # not quoted: it may be a misplaced password
            raise BadLogAddress(f"server {number} of Kafka's address is not host:port; {_FORM}")
    options = dict(parse_qsl(query, keep_blank_values=True))
    prefix, ca_file = options.pop("topic_prefix", ""), options.pop("ca_file", "")
    mechanism = options.pop("mechanism", "SCRAM-SHA-512").upper()
    if options:
        raise BadLogAddress(f"Kafka's address has no {min(options)!r}; it takes topic_prefix, mechanism and ca_file")
    if not _PREFIX.fullmatch(prefix):
        raise BadLogAddress("topic_prefix may have letters, digits, '.', '_' and '-', at most 100; choose another")
    if mechanism not in MECHANISMS:
        raise BadLogAddress(f"mechanism must be one of {', '.join(MECHANISMS)}")
    secret = unquote(given) or password
    if user and not secret:
        raise BadLogAddress("the address of Kafka has a user but no password; set CLEW_LOG_PASSWORD or …_FILE")
    return KafkaLog(
        servers, prefix, tls, unquote(user), secret, mechanism, Path(ca_file) if ca_file else None
    )  # fmt: skip
