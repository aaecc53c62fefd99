"""Types of arrays and their validation, shared by all kernels. Pure."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Array = NDArray[Any]

INT64_MAX = 2**63 - 1
TS_MAX = 2**62
"""Largest timestamp or window, µs, so that differences fit 64 bits."""


class Overflow(ValueError):
    """Numbers are too large for an exact result in 64 bits; the message names the position."""


def check_offsets(offsets: Ints, touches: int) -> None:
    """Raise ValueError unless `offsets` is int64 in CSR form over `touches` positions."""
    if offsets.dtype != np.int64 or offsets.ndim != 1 or offsets.shape[0] < 1:
        raise ValueError("offsets are a flat int64 array, one longer than there are journeys")
    if offsets[0] != 0 or offsets[-1] != touches:
        raise ValueError("offsets are one more than journeys, from 0 to the number of touches")
    if offsets.shape[0] > 1 and bool((offsets[1:] < offsets[:-1]).any()):
        raise ValueError("offsets never fall")


def check_shapes(length: int, *arrays: Array) -> None:
    """Raise ValueError unless each array is one-dimensional, has this length and holds integers."""
    for array in arrays:
        if array.shape != (length,):
            raise ValueError(f"an array of {length} is wanted, this one has shape {array.shape}")
        if array.dtype.kind not in "iu":
            raise ValueError(f"an array of integers is wanted, this one is {array.dtype}")


def check_instants(*arrays: Ints) -> None:
    """Raise ValueError for a timestamp or window in µs that is negative or above TS_MAX."""
    for instants in arrays:
        if instants.size and (int(instants.min()) < 0 or int(instants.max()) > TS_MAX):
            raise ValueError(f"instants and windows are 0 to {TS_MAX} µs")
