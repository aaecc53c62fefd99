"""Histories in files: CSV, NDJSON and access logs."""
