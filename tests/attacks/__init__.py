"""Attacks on an edge from outside, bounded in bytes and time: memory, another client's latency, lines of log."""
