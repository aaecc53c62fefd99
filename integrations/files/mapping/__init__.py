"""Mapping files (TOML): the column of a history that fills each field of an event."""
