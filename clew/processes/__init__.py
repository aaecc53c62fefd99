"""Processes that `clew serve` and the station commands start."""
