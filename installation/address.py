"""Addresses of an installation: its log, its warehouse, and the directory of this machine.

Flags, the environment or `--data DIR` (log and warehouse under DIR) give them. An explicit address takes precedence
over the directory, so that `clew serve --data DIR` moves to servers by two settings; a flag takes precedence over the
environment.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from eventlog.address import BadLogAddress, KafkaLog, LogAddress, SqliteLog, parse_log_address, password_in_url
from installation.directory import DataDir
from runtime.settings import Settings
from runtime.user_error import UNREACHABLE, UserError
from warehouse.address import (
    BadWarehouseAddress,
    ChdbFolder,
    ClickHouseServer,
    WarehouseAddress,
    parse_warehouse_address,
)

_WHERE = "say where the installation is: --data DIR, or --log and --warehouse (or CLEW_LOG and CLEW_WAREHOUSE)"


@dataclass(frozen=True, slots=True)
class InstallationAddress:
    """One installation. Both ends are embedded, or both are servers."""

    log: LogAddress
    warehouse: WarehouseAddress
    data: DataDir | None = None
    """Directory of this machine: token keys, spilled records, the program that `serve` loaded."""

    @property
    def on_servers(self) -> bool:
        return isinstance(self.log, KafkaLog)

    @property
    def engine_file(self) -> Path:
        """File with the address of the engine that owns an embedded warehouse; readable by its owner only."""
        if self.data is not None:
            return self.data.engine_file
        if isinstance(self.warehouse, ChdbFolder):
            return self.warehouse.folder.with_name(f"{self.warehouse.folder.name}.engine.json")
        raise ValueError("on servers there is more than one engine")

    def exists(self) -> bool:
        """Return whether an embedded installation has any data."""
        there = isinstance(self.log, SqliteLog) and self.log.folder.is_dir()
        return there and (self.data is None or self.data.program.is_file() or self.data.published.is_dir())

    def program_copy(self) -> Path | None:
        """Return the copy of the program that an embedded `serve` loaded, if there is one."""
        found = self.data is not None and not self.on_servers and self.data.program.is_file()
        return self.data.program if self.data is not None and found else None

    def follows(self, settings: Settings) -> bool:
        """Return whether the control plane publishes the program of this installation."""
        if self.data is not None and not self.on_servers:
            return not self.data.program.is_file() and self.data.published.is_dir()
        return bool(settings.follow.url)

    def __str__(self) -> str:
        """Return the addresses without a password."""
        if self.data is not None and not self.on_servers:
            return str(self.data.root)
        return f"{self.log} with {self.warehouse}"


def address_in(directory: DataDir) -> InstallationAddress:
    """Return the embedded installation in a directory, regardless of the environment."""
    return InstallationAddress(SqliteLog(directory.log), ChdbFolder(directory.warehouse), directory)


def find_address(data: Path | None, log: str | None, warehouse: str | None, settings: Settings) -> InstallationAddress:
    """Find the installation named by flags and environment. Raises UserError; its message shows no password."""
    _no_password_in_flag(log, "--log", "CLEW_LOG")
    _no_password_in_flag(warehouse, "--warehouse", "CLEW_WAREHOUSE")
    log_text, warehouse_text = log or settings.log, warehouse or settings.warehouse
    try:
        log_at = parse_log_address(log_text, _password("LOG", settings)) if log_text else None
        warehouse_at = parse_warehouse_address(warehouse_text) if warehouse_text else None
    except BadLogAddress as error:
        raise UserError(f"{'--log' if log else 'CLEW_LOG'}: {error}") from None
    except BadWarehouseAddress as error:
        raise UserError(f"{'--warehouse' if warehouse else 'CLEW_WAREHOUSE'}: {error}") from None
    if data is not None:
        log_at = log_at or SqliteLog(data / "log")
        warehouse_at = warehouse_at or ChdbFolder(data / "warehouse")
    if log_at is None or warehouse_at is None:
        given = "the log" if log_at is not None else "the warehouse" if warehouse_at is not None else ""
        raise UserError(f"only {given} is given; {_WHERE}" if given else _WHERE)
    if isinstance(log_at, KafkaLog) != isinstance(warehouse_at, ClickHouseServer):
        raise UserError("Kafka goes with a ClickHouse server, and sqlite with chdb: set both --log and --warehouse")
    if isinstance(warehouse_at, ClickHouseServer) and not warehouse_at.password:
        warehouse_at = replace(warehouse_at, password=_password("WAREHOUSE", settings))
    return InstallationAddress(
        log_at, warehouse_at, DataDir(data) if data is not None else _shared_folder(log_at, warehouse_at)
    )


def _no_password_in_flag(address: str | None, flag: str, variable: str) -> None:
    """Every user of the machine sees the flags of a process."""
    if address and password_in_url(address):
        raise UserError(f"{flag}: no password in a flag, others can see it; set {variable}_PASSWORD or its _FILE")


def _password(which: str, settings: Settings) -> str:
    """Return the value of the variable or the content of the file; "" for neither."""
    own, file = {
        "LOG": (settings.log_password, settings.log_password_file),
        "WAREHOUSE": (settings.warehouse_password, settings.warehouse_password_file),
    }[which]
    if own is not None and file is not None:
        raise UserError(f"CLEW_{which}_PASSWORD and CLEW_{which}_PASSWORD_FILE are both set; unset one")
    if file is None:
        return own or ""
    try:
        return file.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a text file"
        raise UserError(f"CLEW_{which}_PASSWORD_FILE: {file} cannot be read: {why}", UNREACHABLE) from None


def _shared_folder(log: LogAddress, warehouse: WarehouseAddress) -> DataDir | None:
    """The data directory that two addresses name without saying so: `sqlite:DIR/log` and `chdb:DIR/warehouse`."""
    if isinstance(log, SqliteLog) and isinstance(warehouse, ChdbFolder):
        directory = DataDir(log.folder.parent)
        if address_in(directory) == InstallationAddress(log, warehouse, directory):
            return directory
    return None
