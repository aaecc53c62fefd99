"""The embedded log: SQLite files, one writer thread each."""
