"""Compiled kernels (numba) over flat arrays. Each has a plain Python twin in tests/reference."""
