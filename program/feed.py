"""Messages between the control plane and those that follow its program. Pure; both sides import them.

A follower says what it has. The answer names the newest version, and holds the contents that the follower lacks as far
as they are few; the follower asks for the others by their hash. Contents are terms, parts of the routes, the hashes of
the parts of a node, and the hashes of the nodes of a root, so the follower can check each of them.
"""

from typing import Literal

import msgspec

PROGRAM_PATH = "/internal/program"
CONTENTS_PATH = "/internal/program/contents"
SECRETS_PURPOSE = b"clew: secrets in transport"
WAIT_MAX_S = 60
CONTENTS_MAX = 256
"""Most contents that one request may ask for."""
CONTENTS_BYTES_MAX = 8 << 20
"""Bytes of contents after which an answer holds no more; the follower asks again for the rest."""

FollowerKind = Literal["edge", "engine"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """State of a follower; empty texts mean that it has nothing."""

    name: str
    """Name of the process, unique in the installation."""
    kind: FollowerKind
    sequence: int = 0
    root: str = ""
    terms: str = ""
    """Hash of its newest terms."""
    secrets: str = ""
    """Digest of its secrets."""
    labels: str = ""
    """Digest of its names."""


class TermsName(msgspec.Struct, frozen=True, array_like=True):
    """Hash of terms, and the time from which they count, in µs since 1970."""

    from_us: int
    hash: str


class Extra(msgspec.Struct, frozen=True, array_like=True):
    """Content that is not part of a version, with a digest that tells whether it has changed."""

    digest: str
    content: bytes


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Newest version of the program. `sequence` is 0 while nothing is published."""

    sequence: int
    root: bytes = b""
    terms: tuple[TermsName, ...] = ()
    """For an edge the newest terms, for an engine all that came after the version it has."""
    contents: dict[bytes, bytes] = {}
    secrets: Extra | None = None
    """Sealed; None if the follower has them."""
    labels: Extra | None = None
    """None if the follower has them or needs none."""


class Contents(msgspec.Struct, frozen=True):
    """Contents by their hash."""

    contents: dict[bytes, bytes]


class Wanted(msgspec.Struct, frozen=True):
    """Hashes of contents that a follower asks for."""

    hashes: list[bytes]
