"""Find a run by its id or by a prefix of it."""

from runtime.user_error import ReportError
from schemas.ddl import DATABASE
from warehouse.port import Warehouse

_PREFIX_CHARS_MIN = 6


def run_named(warehouse: Warehouse, name: str) -> str:
    """Return the id of the run with this id or prefix. Raises ReportError if there is none or several."""
    matches = _runs(warehouse, name)
    if len(matches) != 1:
        if matches:
            raise ReportError(f"run id prefix {name!r} is ambiguous; it matches {', '.join(matches[:5])}")
        raise ReportError(f"there is no run {name!r}; create one with `clew attribute --model`")
    return matches[0]


def _runs(warehouse: Warehouse, prefix: str) -> list[str]:
    if len(prefix) < _PREFIX_CHARS_MIN:
        raise ReportError(
            f"{prefix!r} is not a run id; write the id or at least {_PREFIX_CHARS_MIN} of its first digits"
        )
    table = warehouse.query(
        f"SELECT DISTINCT run_id FROM {DATABASE}.runs WHERE startsWith(run_id, {{prefix:String}}) ORDER BY run_id",
        {"prefix": prefix},
    )
    return list(table.column(0).to_pylist())
