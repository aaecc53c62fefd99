"""Convert path strings to channel codes: split, trim and number names in one pass over the bytes. Pure.

A name is the trimmed text between two separators; a path without names is empty. A name's code is its number in order
of first appearance; `PathTable` renumbers names in sorted order, so that results do not depend on the order of rows.
tests/reference/paths.py is the plain reference.
"""

from dataclasses import dataclass, field

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Bytes = NDArray[np.uint8]

CHANNELS_MAX = 1 << 24
NAME_BYTES_MAX = 1 << 30
"""Total length of all names."""

_place = np.uintp
"""Type of indices in the inner loops: numba does not check unsigned indices for negative values."""
_1, _2, _3 = np.uintp(1), np.uintp(2), np.uintp(3)
_PRIME, _MASK = 1540483477, 0xFFFFFFFF
"""Constants of the hash: 32 bits, multiplied by a prime below 2^31, so that products fit into 63 bits."""
_CODES, _NAMES, _NAME_BYTES, _SKIPPED, _STATE_SIZE = 0, 1, 2, 3, 4


class TooManyNames(ValueError):
    """Error for more names, or longer names, than a table of channels can have; the message names the limit."""


@dataclass
class Vocabulary:
    """Names seen so far, and their hash table."""

    slots: Ints = field(default_factory=lambda: np.zeros(1 << 12, np.int64))
    """Open addressing: (code + 1) << 32 | hash, 0 where empty."""
    text: Bytes = field(default_factory=lambda: np.empty(1 << 16, np.uint8))
    ends: Ints = field(default_factory=lambda: np.zeros((1 << 11) + 1, np.int64))
    """Name c is text[ends[c]:ends[c + 1]]."""
    count: int = 0
    skipped: int = 0
    """Empty names between separators."""

    def names(self) -> list[str]:
        """Return the names in the order of their codes. Raises UnicodeDecodeError."""
        raw, ends = self.text.tobytes(), self.ends.tolist()
        return [raw[ends[code] : ends[code + 1]].decode() for code in range(self.count)]

    def grow(self) -> None:
        """Double the capacity for names and bytes."""
        if self.count >= CHANNELS_MAX or self.text.shape[0] >= NAME_BYTES_MAX:
            raise TooManyNames(
                f"more than {CHANNELS_MAX:,} names or {NAME_BYTES_MAX:,} bytes of them; check that the column has paths"
            )
        self.text = np.concatenate((self.text, np.empty_like(self.text)))
        ends = np.zeros(2 * (self.ends.shape[0] - 1) + 1, np.int64)
        ends[: self.ends.shape[0]] = self.ends
        self.ends = ends
        old = self.slots[self.slots != 0]
        self.slots = np.zeros(2 * self.slots.shape[0], np.int64)
        mask = self.slots.shape[0] - 1
        for slot in old.tolist():
            at = slot & mask
            while self.slots[at] != 0:
                at = (at + 1) & mask
            self.slots[at] = slot


def tokenize(bounds: Ints, data: Bytes, separator: bytes, vocabulary: Vocabulary) -> tuple[Codes, Ints]:
    """Return the codes of the names of each path (P), and the end of each path among them (J).

    `bounds` (J+1) are offsets into `data` (UTF-8), as in an Arrow string array. A separator that begins or ends with a
    space needs white space, or the end of the path, on that side: with " > ", `a>b` is one name. New names are added to
    the vocabulary. Raises ValueError for a separator of white space only.
    """
    core = separator.strip()
    if not core:
        raise ValueError("a separator has at least one character that is not white space")
    if (
        bounds.shape[0] < 1
        or int(bounds[0]) < 0
        or int(bounds[-1]) > data.shape[0]
        or bool((np.diff(bounds) < 0).any())
    ):
        raise ValueError("bounds never fall and stay inside the data")
    rows, size = bounds.shape[0] - 1, int(bounds[-1] - bounds[0])
    codes = np.empty((size + rows) // (len(core) + 1) + rows + 1, np.int32)
    ends = np.empty(rows, np.int64)
    state = np.zeros(_STATE_SIZE, np.int64)
    mark = np.frombuffer(core, np.uint8)
    needs_before, needs_after = separator[:1].isspace(), separator[-1:].isspace()
    done = 0
    while done < rows:
        state[_NAMES], state[_NAME_BYTES] = vocabulary.count, vocabulary.ends[vocabulary.count]
        done = _tokenize_range(
            done, rows, bounds, data, mark, needs_before, needs_after, vocabulary.slots, vocabulary.text,
            vocabulary.ends, codes, ends, state,
        )  # fmt: skip
        vocabulary.count = int(state[_NAMES])
        if done < rows:
            vocabulary.grow()
    vocabulary.skipped += int(state[_SKIPPED])
    return codes[: int(state[_CODES])].copy(), ends


@njit(nogil=True, cache=True)
def _tokenize_range(
    lo: int, hi: int, bounds: Ints, data: Bytes, mark: Bytes, needs_before: bool, needs_after: bool, slots: Ints,
    text: Bytes, name_ends: Ints, codes: Codes, ends: Ints, state: Ints,
) -> int:  # fmt: skip
    """Tokenize rows lo to hi; return the row that needs more capacity for a new name, or hi."""
    first, width, slot_mask = mark[0], mark.shape[0], slots.shape[0] - 1
    written, skipped = state[_CODES], state[_SKIPPED]
    for row in range(lo, hi):
        start, stop = bounds[row], bounds[row + 1]
        begin, after, row_written, row_skipped = start, start, written, skipped
        while True:
            end = after
            while end < stop and data[_place(end)] != first:
                end += 1
            after = end + 1
            if end < stop:
                beyond = end + width
                if needs_before and end > start and data[end - 1] != 32 and not 9 <= data[end - 1] <= 13:
                    continue
                if needs_after and beyond < stop and data[beyond] != 32 and not 9 <= data[beyond] <= 13:
                    continue
                if width > 1 and not _tokenize_is_long_mark(end, stop, data, mark):
                    continue
            left, right = begin, end
            while left < right and (data[left] == 32 or 9 <= data[left] <= 13):
                left += 1
            while left < right and (data[right - 1] == 32 or 9 <= data[right - 1] <= 13):
                right -= 1
            length = right - left
            if length == 0:
                row_skipped += 1 if begin > start or end < stop else 0
            else:
                wanted = _tokenize_hash(data, left, right)
                at = wanted & slot_mask
                code = -1
                while slots[at] != 0:
                    if (slots[at] & _MASK) == wanted:
                        candidate = (slots[at] >> 32) - 1
                        name = name_ends[candidate]
                        if name_ends[candidate + 1] - name == length:
                            i = 0
                            while i + 4 <= length and _tokenize_word(text, name + i) == _tokenize_word(data, left + i):
                                i += 4
                            while i < length and text[_place(name + i)] == data[_place(left + i)]:
                                i += 1
                            if i == length:
                                code = candidate
                                break
                    at = (at + 1) & slot_mask
                if code < 0:
                    code = _tokenize_add(data, left, right, text, name_ends, state)
                    if code < 0:
                        state[_CODES], state[_SKIPPED] = written, skipped
                        return row
                    slots[at] = ((code + 1) << 32) | wanted
                codes[row_written] = code
                row_written += 1
            if end >= stop:
                break
            begin = after = end + width
        written, skipped = row_written, row_skipped
        ends[row] = written
    state[_CODES], state[_SKIPPED] = written, skipped
    return hi


@njit(nogil=True, cache=True)
def _tokenize_is_long_mark(at: int, stop: int, data: Bytes, mark: Bytes) -> bool:
    if at + mark.shape[0] > stop:
        return False
    same = 0
    while same < mark.shape[0] and data[at + same] == mark[same]:
        same += 1
    return bool(same == mark.shape[0])


@njit(nogil=True, cache=True, inline="always")
def _tokenize_hash(data: Bytes, left: int, right: int) -> int:
    """Hash four bytes at a time; the last four may overlap."""
    mixed = right - left
    if mixed >= 4:
        for i in range(left, right - 3, 4):
            mixed = (mixed * _PRIME + _tokenize_word(data, i)) & _MASK
        mixed = (mixed * _PRIME + _tokenize_word(data, right - 4)) & _MASK
    else:
        for i in range(left, right):
            mixed = (mixed * _PRIME + int(data[i])) & _MASK
    mixed = ((mixed ^ (mixed >> 15)) * _PRIME) & _MASK
    return mixed ^ (mixed >> 13)


@njit(nogil=True, cache=True, inline="always")
def _tokenize_word(data: Bytes, at: int) -> int:
    """Read four bytes as one number, which compiles to a single load."""
    i = _place(at)
    return int(data[i]) | int(data[i + _1]) << 8 | int(data[i + _2]) << 16 | int(data[i + _3]) << 24


@njit(nogil=True, cache=True)
def _tokenize_add(data: Bytes, left: int, right: int, text: Bytes, name_ends: Ints, state: Ints) -> int:
    """Add a new name, data[left:right]; return its code, or -1 without capacity."""
    code, name = state[_NAMES], state[_NAME_BYTES]
    after = name + right - left
    if code + 1 >= name_ends.shape[0] or after > text.shape[0]:
        return -1
    for i in range(right - left):
        text[name + i] = data[left + i]
    name_ends[code + 1] = after
    state[_NAMES], state[_NAME_BYTES] = code + 1, after
    return int(code)
