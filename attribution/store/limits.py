"""Limits that readers and writers of the warehouse share."""

BLOCK_ROWS_MAX = 900_000
"""Rows of one table in one pass, so that a table is one block: journals are never split."""
