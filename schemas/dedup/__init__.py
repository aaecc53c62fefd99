"""Deduplication rules: which of several events with one key counts."""
