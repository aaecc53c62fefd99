"""Django's settings of the database."""

from typing import Any

from control.address import ControlAddress, SqliteFile

BUSY_TIMEOUT_S = 20
_PRAGMAS = (
    "journal_mode=WAL",
    # An accepted contract must survive a power cut.
    "synchronous=FULL",
    "foreign_keys=ON",
    # Of each connection, and each thread has one. Pages mapped by several connections would count several times.
    "cache_size=-8000",
    "journal_size_limit=67108864",
)
POOL_CONNECTIONS_MAX = 16
_POOL_WAIT_S = 10


def database_settings(address: ControlAddress, connections_max: int = POOL_CONNECTIONS_MAX) -> dict[str, Any]:
    """Return the entry of DATABASES.

    SQLite needs all four: immediate transactions, WAL, full synchronisation and a long time-out. With WAL alone, a
    transaction that reads before it writes fails as soon as another one has written.
    """
    if isinstance(address, SqliteFile):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(address.path),
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": BUSY_TIMEOUT_S,
                "transaction_mode": "IMMEDIATE",
                "init_command": "".join(f"PRAGMA {pragma};" for pragma in _PRAGMAS),
            },
        }
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": address.database,
        "USER": address.user,
        "PASSWORD": address.password,
        "HOST": address.host,
        "PORT": str(address.port),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {"pool": {"min_size": 1, "max_size": connections_max, "timeout": _POOL_WAIT_S}},
    }
