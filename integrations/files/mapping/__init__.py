"""Mapping files (TOML): which column of a history is which field."""
