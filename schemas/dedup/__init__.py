"""Deduplication: rules for events that share a key, and the sequences of appends already seen."""
