"""Numbers in the pipe of a command: first its pid, then its exit code."""

import os

_BYTES = 8


def write_number(pipe: int, number: int) -> None:
    os.write(pipe, number.to_bytes(_BYTES, "little", signed=True))


def read_number(pipe: int) -> int:
    """Wait for a number. Raises EOFError."""
    data = os.read(pipe, _BYTES)
    if len(data) < _BYTES:
        raise EOFError("the process that forks commands has ended")
    return int.from_bytes(data, "little", signed=True)
