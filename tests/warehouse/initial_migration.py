"""The first migration, out of the Structs: `python -m tests.warehouse.initial_migration` writes it anew.

Only until the first release. From then on a migration is history, and a change is a new file.
"""

from schemas.ddl import Storage, create_table
from schemas.tables import TABLES
from warehouse.migrate import migration_files

_FILLED = "deduplication_window = 1234, fsync_after_insert = 1, fsync_part_directory = 1"
_OPEN = "deduplication_window = $dedup_window_blocks, fsync_after_insert = $fsync, fsync_part_directory = $fsync"


def render() -> str:
    """Every base table, with the installation's storage left open."""
    made = [create_table(table, Storage("$engine", 1234)) for table in TABLES]
    return "\n\n".join(f"{statement.replace(_FILLED, _OPEN)};" for statement in made) + "\n"


if __name__ == "__main__":
    migration_files()[0].write_text(render(), "utf-8")
