"""Find a run by its id or by the beginning of one."""

from runtime.user_error import ReportError
from schemas.ddl import DATABASE
from warehouse.port import Warehouse

_PREFIX_CHARS_MIN = 6


def run_named(warehouse: Warehouse, name: str) -> str:
    """The id of the run that has this id, or one that begins so. Raises ReportError if none or several do."""
    found = _runs(warehouse, name)
    if len(found) != 1:
        many = f"several begin so: {', '.join(found[:5])}" if found else "`clew attribute --model` makes one"
        raise ReportError(f"there is no one run {name!r}; {many}")
    return found[0]


def _runs(warehouse: Warehouse, prefix: str) -> list[str]:
    if len(prefix) < _PREFIX_CHARS_MIN:
        raise ReportError(f"{prefix!r} names no run: give its id, or {_PREFIX_CHARS_MIN} and more digits of it")
    table = warehouse.query(
        f"SELECT DISTINCT run_id FROM {DATABASE}.runs WHERE startsWith(run_id, {{prefix:String}}) ORDER BY run_id",
        {"prefix": prefix},
    )
    return list(table.column(0).to_pylist())
