"""Random bytes from the operating system, fetched in blocks: a call per use costs a tenth of a redirect."""

import os

_FETCH_BYTES = 8_192


class RandomBytes:
    """`random_bytes(n)` for one event loop; not thread-safe. No byte is returned twice."""

    def __init__(self) -> None:
        self._bytes, self._at = b"", 0

    def __call__(self, n: int) -> bytes:
        end = self._at + n
        if end > len(self._bytes):
            self._bytes, self._at, end = os.urandom(max(n, _FETCH_BYTES)), 0, n
        taken = self._bytes[self._at : end]
        self._at = end
        return taken
