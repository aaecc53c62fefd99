"""Limits that readers and writers of the warehouse share."""

BLOCK_ROWS_MAX = 900_000
"""Maximum rows per table and pass. A table then fits one block, so journals are never split."""
