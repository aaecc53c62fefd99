"""Count placeholders sent in place of ids, and warn once for each sender and field."""

from collections.abc import Iterable

from runtime import metrics
from runtime.logs import logger

SENDERS_MAX = 10_000
_log = logger("tracker")
_warned: dict[tuple[str, str, str], None] = {}


def note_absent(kind: str, sender: str, fields: Iterable[str]) -> None:
    """Count each field; warn of it if its sender is new. The oldest senders are forgotten above SENDERS_MAX."""
    for field in fields:
        metrics.count("clew_absent_ids_total", kind=kind, field=field)
        key = (kind, sender, field)
        if key in _warned:
            continue
        if len(_warned) >= SENDERS_MAX:
            del _warned[next(iter(_warned))]
        _warned[key] = None
        _log.warning("id_is_a_placeholder", kind=kind, sender=sender, field=field, fix="send an id or leave it out")
