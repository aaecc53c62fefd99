"""Rows of query results as tuples."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa


def tuples_of(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Return rows as tuples. Converting by column is many times faster than by row."""
    return zip(*(column.to_pylist() for column in table.columns), strict=True)
