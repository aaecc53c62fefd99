"""Compute a conversion's current status and net value from its adjustments. Pure.

The result does not depend on the order of adjustments. One that cannot be applied becomes a problem; nothing is
guessed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.events import STATUS_ORDER, WHAT_REMAINS, Adjustment, Conversion
from schemas.reasons import Problem
from schemas.values.money import format_minor, minor_of_e4

Problems = dict[str, str]
"""Problems of one conversion: a sentence by code.

Passes compare the sentences with the stored ones, so a changed wording restates every conversion that has the problem.
"""


class NetValue(NamedTuple):
    """Current status and value of a conversion; `value_minor` is amount - refunds - chargebacks, at least 0."""

    status: str
    value_minor: int


def net_value(event: Conversion, adjustments: Sequence[Adjustment]) -> tuple[NetValue, Problems]:
    """Return the furthest status and the net value of a conversion, with a problem for what could not be applied."""
    rank = (0, STATUS_ORDER.index(event.status))
    refunded = 0
    ignored: list[str] = []
    for adjustment in adjustments:
        if adjustment.kind == "status":
            rank = max(rank, (adjustment.status_revision, STATUS_ORDER.index(adjustment.status)))
            continue
        amount = _amount_minor(event, adjustment)
        if amount is None:
            ignored.append(adjustment.adjustment_id.hex())
        else:
            refunded += amount
    problems: Problems = {}
    if ignored:
        names = ", ".join(sorted(ignored)[:3])
        problems[Problem.ADJUSTMENT_IGNORED.value] = (
            f"{len(ignored)} refund(s) in another currency than {event.currency}, or with more decimals than it has: "
            f"{names}; send them again as the conversion's currency has it"
        )
    if refunded > event.amount_minor:
        over = format_minor(refunded - event.amount_minor, event.currency)
        problems[Problem.REFUNDS_EXCEED_AMOUNT.value] = (
            f"refunds take off {over} {event.currency} more than the amount; the net value is 0. Some came before "
            "their conversion, when that could not be seen"
        )
    return NetValue(STATUS_ORDER[rank[1]], max(0, event.amount_minor - refunded)), problems


def _amount_minor(event: Conversion, adjustment: Adjustment) -> int | None:
    """Return the amount of a refund, or None if it cannot be expressed in the conversion's currency."""
    if adjustment.currency and adjustment.currency != event.currency:
        return None
    if adjustment.amount_e4 == WHAT_REMAINS:
        return event.amount_minor
    return minor_of_e4(adjustment.amount_e4, event.currency)
