"""Experimental: whole shards of touches as sorted columns in memory.

No command uses this package yet; benchmarks and tests do.
"""
