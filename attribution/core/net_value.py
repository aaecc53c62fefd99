"""What a conversion is worth as of now: its status and net value, out of its adjustments. Pure.

Adjustments may come in any order; the result is the same. One that cannot be applied is a problem, never guessed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.events import STATUS_ORDER, WHAT_REMAINS, Adjustment, Conversion
from schemas.reasons import Problem
from schemas.values.money import format_minor, minor_of_e4

Problems = dict[str, str]
"""Code and one sentence of each problem of one conversion."""


class NetValue(NamedTuple):
    """A conversion as of now; `value_minor` is amount - refunds - chargebacks, never below zero."""

    status: str
    value_minor: int


def net_value(event: Conversion, adjustments: Sequence[Adjustment]) -> tuple[NetValue, Problems]:
    """Status (the furthest one seen) and net value of a conversion, and what could not be applied."""
    rank = (0, STATUS_ORDER.index(event.status))
    taken_off = 0
    ignored: list[str] = []
    for adjustment in adjustments:
        if adjustment.kind == "status":
            rank = max(rank, (adjustment.status_revision, STATUS_ORDER.index(adjustment.status)))
            continue
        amount = _amount_minor(event, adjustment)
        if amount is None:
            ignored.append(adjustment.adjustment_id.hex())
        else:
            taken_off += amount
    problems: Problems = {}
    if ignored:
        names = ", ".join(sorted(ignored)[:3])
        problems[Problem.ADJUSTMENT_IGNORED.value] = (
            f"{len(ignored)} refund(s) in another currency than {event.currency}, or with more decimals than it has: "
            f"{names}; send them again as the conversion's currency has it"
        )
    if taken_off > event.amount_minor:
        over = format_minor(taken_off - event.amount_minor, event.currency)
        problems[Problem.REFUNDS_EXCEED_AMOUNT.value] = (
            f"refunds take off {over} {event.currency} more than the amount; the net value is 0. Some came before "
            "their conversion, when that could not be seen"
        )
    return NetValue(STATUS_ORDER[rank[1]], max(0, event.amount_minor - taken_off)), problems


def _amount_minor(event: Conversion, adjustment: Adjustment) -> int | None:
    """What the adjustment takes off, or None if it cannot be told in the conversion's currency."""
    if adjustment.currency and adjustment.currency != event.currency:
        return None
    if adjustment.amount_e4 == WHAT_REMAINS:
        return event.amount_minor
    return minor_of_e4(adjustment.amount_e4, event.currency)
