"""Address of the control plane's database: `sqlite:DIR/control.sqlite`, or `postgresql://user@host:5432/database`."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from runtime.settings import Settings
from runtime.user_error import UNREACHABLE, UserError

_FORMS = "write sqlite:DIR/control.sqlite, or postgresql://user@host:5432/database"
FILE_NAME = "control.sqlite"
_WHERE = (
    "say where the control plane's database is: --data DIR, or --control ADDRESS (or CLEW_CONTROL); "
    "sqlite:DIR/control.sqlite or postgresql://user@host:5432/database"
)


class BadControlAddress(ValueError):
    """The text names no database; the message says what it should look like, and never shows a password."""


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A database in one file."""

    path: Path

    def __str__(self) -> str:
        return f"sqlite:{self.path}"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """One database of a PostgreSQL server. Its text is the address without the password."""

    host: str
    """Host name, or the folder of the server's Unix socket."""
    port: int
    database: str
    user: str
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        user = quote(self.user, safe="")
        if self.host.startswith("/"):
            return f"postgresql://{user}@/{self.database}?host={self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{user}@{host}:{self.port}/{self.database}"


ControlAddress = SqliteFile | PostgresServer


def parse_control_address(text: str) -> ControlAddress:
    """Parse an address, including a password in it. Raises BadControlAddress."""
    scheme, colon, rest = text.partition(":")
    if scheme == "sqlite" and colon:
        if not rest or rest.startswith("//"):
            raise BadControlAddress("sqlite: needs a file: write sqlite:DIR/control.sqlite")
        return SqliteFile(Path(rest))
    if scheme in ("postgresql", "postgres") and rest.startswith("//"):
        return _server(text)
    raise BadControlAddress(f"not an address of a database: {_FORMS}")


def _server(text: str) -> PostgresServer:
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
        parameters = dict(parse_qsl(url.query, strict_parsing=True)) if url.query else {}
    except ValueError:
        # The library's message may contain the text, and with it the password.
        raise BadControlAddress(
            f"host and port cannot be read (in user and password write / as %2F and @ as %40): {_FORMS}"
        ) from None
    folder = parameters.pop("host", "")
    if parameters or url.fragment:
        raise BadControlAddress("the address takes one parameter, host=FOLDER of a Unix socket")
    if bool(host) == bool(folder):
        raise BadControlAddress(f"the address names no host: {_FORMS}" if not host else "the address names two hosts")
    database = unquote(url.path.removeprefix("/"))
    if not database or "/" in database:
        raise BadControlAddress(f"the address names no database: {_FORMS}")
    if not url.username:
        raise BadControlAddress(f"the address names no user: {_FORMS}")
    return PostgresServer(host or folder, port or 5432, database, unquote(url.username), unquote(url.password or ""))


def find_control_address(data: Path | None, given: str | None, settings: Settings) -> ControlAddress:
    """Find the database named by the flag, the environment or the data directory. Raises UserError."""
    text = given or settings.control
    if text is None:
        if data is None:
            raise UserError(_WHERE)
        return SqliteFile((data / FILE_NAME).absolute())
    try:
        address = parse_control_address(text)
    except BadControlAddress as error:
        raise UserError(f"{'--control' if given else 'CLEW_CONTROL'}: {error}") from None
    if isinstance(address, SqliteFile):
        return SqliteFile(address.path.absolute())
    if given and address.password:
        raise UserError(
            "--control: others can see a password in a flag; set CLEW_CONTROL_PASSWORD or CLEW_CONTROL_PASSWORD_FILE"
        )
    return address if address.password else replace(address, password=_password(settings))


def _password(settings: Settings) -> str:
    own, file = settings.control_password, settings.control_password_file
    if own is not None and file is not None:
        raise UserError("CLEW_CONTROL_PASSWORD and CLEW_CONTROL_PASSWORD_FILE are both set; unset one")
    return own or "" if file is None else secret_in(file, "CLEW_CONTROL_PASSWORD_FILE")


def secret_in(file: Path, setting: str) -> str:
    """Return the secret that a file holds. Raises UserError, which names the setting."""
    try:
        return file.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a text file"
        raise UserError(f"{setting}: {file} cannot be read: {why}", UNREACHABLE) from None
