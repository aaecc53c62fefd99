"""Settings of every insert, so that one token covers all of its rows, and the form of its columns. Pure."""

import functools
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from schemas.columns import columns_of
from schemas.tables import TABLE

BLOCK_ROWS_MAX = 1_000_000
"""Rows that the engine keeps in one block."""


def insert_settings(rows: int, token: str) -> dict[str, Any]:
    """Settings of one insert. Raises ValueError when its rows are more than one block."""
    if rows > BLOCK_ROWS_MAX:
        raise ValueError(f"{rows} rows are more than one block of {BLOCK_ROWS_MAX}")
    return {
        "async_insert": 0,
        "insert_deduplicate": 1,
        "insert_deduplication_token": token,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
        "max_insert_block_size": BLOCK_ROWS_MAX,
        "min_insert_block_size_rows": BLOCK_ROWS_MAX,
        "min_insert_block_size_bytes": 0,
        "max_insert_threads": 1,
        "max_threads": 1,
    }


def with_dictionaries(table: str, rows: pa.Table) -> pa.Table:
    """Encode the columns of repeated words as dictionaries.

    The engine keeps them as such, and would otherwise look up the word of every row: a third of the cost of an insert.
    """
    for at, name in enumerate(rows.column_names):
        if name in _words(table):
            rows = rows.set_column(at, name, rows[name].dictionary_encode())
    return rows


@functools.cache
def _words(table: str) -> frozenset[str]:
    """Return the columns of repeated words; none of a table that is not Clew's, which the engine refuses."""
    columns = columns_of(table) if table in TABLE else ()
    return frozenset(column.name for column in columns if column.clickhouse == "LowCardinality(String)")


def insert_query_id(database: str, table: str, token: str) -> str:
    """Name of an insert on the server, which runs no two of one name at once."""
    return f"clew-{blake2b(f'{database}.{table} {token}'.encode(), digest_size=16).hexdigest()}"
