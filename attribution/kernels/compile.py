"""Compile the kernels of live passes ahead of the first conversion. Pure."""

import numpy as np

from attribution.kernels.allocate import allocate
from attribution.kernels.rules import last_click, linear
from attribution.kernels.select import select_touches


def compile_kernels() -> None:
    """Compile what the common models need, or load it from numba's cache.

    The first run of an installation compiles for about ten seconds of CPU; later runs load the result in half a second.
    Other models compile their own rule when a conversion first uses it.
    """
    offsets, times = np.array([0, 2]), np.array([1, 2])
    zeros, ones = np.zeros(2, np.uint8), np.ones(2, np.uint8)
    codes = select_touches(offsets, times, zeros, ones, zeros, np.array([3]), np.array([9, 9]))
    allocate(offsets, np.array([100]), last_click(offsets, codes, ones, zeros) + linear(offsets, codes))
