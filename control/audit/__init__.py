"""Audit: who changed what, when and why; append-only, chained by hashes."""
