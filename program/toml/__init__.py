"""TOML tables with line numbers, so that every mistake is reported with its location."""
