"""Addresses of the warehouse: `chdb:DIR`, or `clickhouse://user@host:8123/database` (`clickhouses://` for TLS)."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

_FORMS = "write chdb:DIR, clickhouse://user@host:8123/database, or clickhouses:// for TLS"
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_TAKEN = frozenset({"system", "default", "information_schema", "analyst"})
_PORT, _TLS_PORT = 8123, 8443


class BadWarehouseAddress(ValueError):
    """The text names no warehouse; the message says what it should look like, and never shows a password."""


@dataclass(frozen=True, slots=True)
class ChdbFolder:
    """The embedded warehouse in one folder."""

    folder: Path

    def __str__(self) -> str:
        return f"chdb:{self.folder}"


@dataclass(frozen=True, slots=True)
class ClickHouseServer:
    """One database of a ClickHouse server. Its text is the address without the password."""

    host: str
    port: int = _PORT
    database: str = "clew"
    user: str = "default"
    password: str = field(default="", repr=False)
    tls: bool = False

    def __str__(self) -> str:
        scheme = "clickhouses" if self.tls else "clickhouse"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{quote(self.user, safe='')}@{host}:{self.port}/{self.database}"


WarehouseAddress = ChdbFolder | ClickHouseServer


def parse_warehouse_address(text: str) -> WarehouseAddress:
    """Parse an address, including a password in it. Raises BadWarehouseAddress."""
    scheme, colon, rest = text.partition(":")
    if scheme == "chdb" and colon:
        if not rest or rest.startswith("//"):
            raise BadWarehouseAddress("chdb: needs a directory: write chdb:DIR")
        return ChdbFolder(Path(rest))
    if scheme in ("clickhouse", "clickhouses") and rest.startswith("//"):
        return _server(text, tls=scheme == "clickhouses")
    raise BadWarehouseAddress(f"not a warehouse address: {_FORMS}")


def _server(text: str, *, tls: bool) -> ClickHouseServer:
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        # What the library says may hold the text, and a password with a / in it ends up in host or port.
        raise BadWarehouseAddress(
            f"host and port cannot be read (in user and password write / as %2F and @ as %40): {_FORMS}"
        ) from None
    if not host:
        raise BadWarehouseAddress(f"the address names no host: {_FORMS}")
    if url.query or url.fragment:
        raise BadWarehouseAddress("the address takes no parameters: settings of the server are CLEW_CLICKHOUSE__…")
    database = unquote(url.path.removeprefix("/")) or "clew"
    if _DATABASE.fullmatch(database) is None:
        raise BadWarehouseAddress(
            f"the database must be one word of letters, digits and _, not starting with a digit: {_FORMS}"
        )
    if database.lower() in _TAKEN:
        raise BadWarehouseAddress(f"database {database} is not Clew's to use: name one of its own, like clew")
    return ClickHouseServer(
        host,
        port if port is not None else _TLS_PORT if tls else _PORT,
        database,
        unquote(url.username or "") or "default",
        unquote(url.password or ""),
        tls,
    )
