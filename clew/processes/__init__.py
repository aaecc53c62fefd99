"""Processes that `clew serve` and the worker commands start."""
