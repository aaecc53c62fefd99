"""Fixtures of the control plane, for its commands."""

from tests.control.conftest import acting_test, database, open_postgresql_database, open_sqlite_database, postgres

__all__ = ["acting_test", "database", "open_postgresql_database", "open_sqlite_database", "postgres"]
