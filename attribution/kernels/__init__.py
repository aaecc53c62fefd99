"""Compiled kernels (numba) over flat arrays. Each has a plain Python twin in tests/reference.

select     which touches of a journey count
rules      weights of touches under each attribution rule
allocate   exact integer parts of an amount by largest remainder
checks     validation of arrays, shared by all kernels
"""
