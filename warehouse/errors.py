"""Errors of the engine: which are transient, and their messages without noise."""

import re

from warehouse.port import WarehouseError

RETRYABLE = frozenset(
    {
        # load: 159 took too long, 202 too many queries, 203, 241 memory, 252 too many parts, 745 overloaded
        159, 202, 203, 241, 252, 745,
        # network between servers: 3, 107, 164, 198, 209, 210, 279, 425
        3, 107, 164, 198, 209, 210, 279, 425,
        # replicas: 225 and 999 keeper, 242 read-only, 285 too few, 286 an insert in progress, 289 lagging, 319 unknown
        225, 242, 285, 286, 289, 319, 999,
        # 216: the same insert still runs, after its answer was lost; 236 and 394: the server shuts down
        216, 236, 394,
    }
)  # fmt: skip
"""Codes of the engine after which the same call may go through later."""

_FROM_CLIENT = re.compile(r"^Received ClickHouse exception, code: \d+, server response: ")
_WHERE = re.compile(r" \(for url \S+\)$")


def engine_error(message: str, code: int, *, lost: bool = False) -> WarehouseError:
    """The port's error for the engine's; `lost` says that no answer came, so nothing is known of the call."""
    text = _WHERE.sub("", _FROM_CLIENT.sub("", message.strip()))
    return WarehouseError(text, code, retryable=lost or code in RETRYABLE)
