"""Find the place of an IP address in the configured database."""

from pathlib import Path
from typing import Any

import maxminddb

from ingest.enrich import Geo


class NoGeo:
    """Used if no database is configured."""

    epoch = "none"

    def place(self, ip: str) -> tuple[str, str, str]:
        return "", "", ""


class MaxMindGeo:
    """A MaxMind-format country or city database, nested or flat."""

    def __init__(self, path: Path) -> None:
        self._reader = maxminddb.open_database(str(path))
        meta = self._reader.metadata()
        self.epoch = f"{meta.database_type}-{meta.build_epoch}"

    def place(self, ip: str) -> tuple[str, str, str]:
        try:
            found = self._reader.get(ip)
        except ValueError:  # not an address, as in data sets with hashed ones
            return "", "", ""
        if not isinstance(found, dict):
            return "", "", ""
        return _country(found), _name(_first(found.get("subdivisions"))), _name(found.get("city"))


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _country(found: dict[str, Any]) -> str:
    nested = found.get("country")
    code = nested.get("iso_code") if isinstance(nested, dict) else found.get("country_code")
    return code if isinstance(code, str) else ""


def _name(value: Any) -> str:
    if isinstance(value, dict):
        names = value.get("names")
        value = names.get("en") if isinstance(names, dict) else None
    return value if isinstance(value, str) else ""


def open_geo(path: Path | None) -> Geo:
    """Open the configured database, or none. Raises OSError, maxminddb.InvalidDatabaseError."""
    return MaxMindGeo(path) if path is not None else NoGeo()
