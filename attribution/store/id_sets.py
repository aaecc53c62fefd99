"""Sets of ids and ranges of the log as SQL conditions with parameters. Pure.

Sets of ids are sent as one base64 text and split by the engine. 20,000 ids take 0.4 MB; a list of literals would
exceed the size of a query that a server accepts.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from attribution.core.journeys import Hashes
from attribution.store.as_of import Parameters
from attribution.store.cursor import split_partition_key

Spans = Mapping[str, tuple[int, int]]
"""Offsets [lo, hi) by partition key."""

_IDS_MAX = 20_000

_HASHES = (
    "SELECT reinterpretAsUInt64(substring(base64URLDecode({ids:String}), number * 8 + 1, 8)) FROM numbers({n:UInt64})"
)
_DIGESTS = (
    "SELECT toFixedString(substring(base64URLDecode({ids:String}), number * 16 + 1, 16), 16) FROM numbers({n:UInt64})"
)


def hash_sets(identities: Hashes) -> Iterator[tuple[str, Parameters]]:
    """Yield SQL for sets of 64-bit identities with its parameters, in chunks."""
    for start in range(0, len(identities), _IDS_MAX):
        chunk = np.ascontiguousarray(identities[start : start + _IDS_MAX], "<u8")
        yield _HASHES, _packed(chunk.tobytes(), 8)


def digest_sets(ids: Iterable[bytes]) -> Iterator[tuple[str, Parameters]]:
    """Yield SQL for sets of 16-byte ids with its parameters, in chunks."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), _IDS_MAX):
        yield _DIGESTS, _packed(b"".join(ordered[start : start + _IDS_MAX]), 16)


def _packed(data: bytes, width: int) -> Parameters:
    return {"ids": base64.urlsafe_b64encode(data).rstrip(b"=").decode(), "n": len(data) // width}


def in_spans(spans: Spans) -> tuple[str, Parameters]:
    """Return the SQL condition for log records in [lo, hi) of each partition, with its parameters."""
    terms, parameters = [], Parameters()
    for number, (key, (lo, hi)) in enumerate(sorted(spans.items())):
        log_id, partition = split_partition_key(key)
        parameters |= {f"log{number}": log_id, f"part{number}": partition, f"lo{number}": lo, f"hi{number}": hi}
        terms.append(
            f"(_log = {{log{number}:String}} AND _partition = {{part{number}:UInt32}} "
            f"AND _offset >= {{lo{number}:UInt64}} AND _offset < {{hi{number}:UInt64}})"
        )
    return f"({' OR '.join(terms)})", parameters
