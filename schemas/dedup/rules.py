"""Dedup keys, and the events that may follow under a key (docs/contract.md, sections 2.1 and 2.2).

`decide` makes the dedup decision and is pure: it reads the states of the keys that a record touches, and returns the
verdict, the record to store and the states to put. The embedded log runs it in the transaction that appends the
record. The consumers of a replicated log run it over the records in order and reach the same verdicts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

import msgspec

from schemas.events import STATUS_ORDER, WHAT_REMAINS, Adjustment, Conversion, Event, Given, Kind, Touch
from schemas.fields import NO_TOKEN
from schemas.reasons import Reason
from schemas.values.currencies import DECIMALS, DECIMALS_MAX
from schemas.values.money import AMOUNT_E4_MAX, e4_of_minor, format_minor, minor_of_e4
from schemas.wire import UndecodableRecord, decode, encode

Verdict = Literal["accepted", "duplicate", "conflict", "rejected", "malformed"]
GetState = Callable[[bytes], bytes | None]


@dataclass(frozen=True, slots=True)
class Decision:
    """Dedup decision on one record. `record` is the record to store; None stores nothing."""

    verdict: Verdict
    record: bytes | None = None
    puts: dict[bytes, bytes] = field(default_factory=dict)
    reason: Reason | None = None
    field: str = ""
    detail: str = ""
    status: str = ""
    issued: bytes = b""
    """Id for the answer to the sender: of the touch or of the conversion."""


class LineState(msgspec.Struct, frozen=True, array_like=True):
    """State under the id of a line on /v1/events: a digest of its content, and the id it was given."""

    content: bytes
    issued: bytes


class ConversionState(msgspec.Struct, frozen=True, array_like=True):
    """State under one conversion key. `known` is False while only adjustments have arrived."""

    known: bool = False
    amount_minor: int = 0
    currency: str = ""
    click_id: bytes = NO_TOKEN
    statuses: int = 0
    refunded_e4: int = 0
    early_e4: dict[str, int] = {}
    """Refunds that arrived before the conversion, by the decimals that they need and their currency."""
    seen: int = 0
    """Every status that the key has ever had; `statuses` are those since a status last went back."""
    revision: int = 0
    """How often a status went back: declined re-opened, or hold to pending."""
    reopen_forbidden: bool = False


_encoder = msgspec.msgpack.Encoder()
_lines = msgspec.msgpack.Decoder(LineState)
_conversions = msgspec.msgpack.Decoder(ConversionState)


def _digest(*parts: object) -> bytes:
    return blake2b(_encoder.encode(parts), digest_size=16).digest()


def conversion_key(offer_id: int, goal: str, *, txn_id: str = "", click: bytes | str = b"", ref: str = "") -> bytes:
    """Compute the conversion_id of offer, goal and the first of txn_id, click and line id that is given.

    A click is given as its token or as the id of its line.
    """
    if txn_id:
        return _digest("txn", offer_id, goal, txn_id)
    if click:
        return _digest("click", offer_id, goal, click)
    return _digest("line", offer_id, goal, ref)


def refund_key(conversion_id: bytes, refund_id: str) -> bytes:
    """Compute the adjustment_id of a refund that a postback asks for."""
    return _digest("refund", conversion_id, refund_id)


def status_key(conversion_id: bytes, status: str) -> bytes:
    """Compute the adjustment_id of a status that a postback sets; each status counts once per conversion."""
    return _digest("status", conversion_id, status)


def line_key(kind: str, ref: str) -> bytes:
    """Compute the key of a line's id, which is also the adjustment_id of an adjustment line."""
    return _digest("ref", kind, ref)


def status_of(statuses: int) -> str:
    """Return the current status: the furthest one seen; "" if there is none."""
    return STATUS_ORDER[statuses.bit_length() - 1] if statuses else ""


def status_bit(status: str) -> int:
    """Return the bit of a status in `ConversionState.statuses`; a further status has a higher bit."""
    return 1 << STATUS_ORDER.index(status)


def decide(get: GetState, value: bytes) -> Decision:
    """Decide on one encoded touch line, conversion or adjustment. Raises UndecodableRecord."""
    return decide_event(get, value, *decode(value))


def keys_of(kind: Kind, event: Event) -> tuple[bytes, ...]:
    """Return every key that the dedup decision may read; none for an event without dedup keys."""
    if isinstance(event, Touch):
        return (line_key(kind.name.lower(), event.ref),) if event.ref else ()
    if isinstance(event, Conversion):
        return (event.conversion_id, line_key("conversion", event.ref)) if event.ref else (event.conversion_id,)
    if isinstance(event, Adjustment):
        other = line_key("adjustment", event.ref) if event.ref else event.adjustment_id
        return event.conversion_id, other
    return ()


def decide_event(get: GetState, value: bytes, kind: Kind, event: Event) -> Decision:
    """Decide on a record that is already decoded.

    Raises UndecodableRecord for a value that no edge lets through, such as an unknown currency.
    """
    try:
        return _decide(get, value, kind, event)
    except (KeyError, ValueError, OverflowError) as error:
        raise UndecodableRecord(f"{kind.name.lower()}: cannot be deduplicated: {error!r}") from error


def _decide(get: GetState, value: bytes, kind: Kind, event: Event) -> Decision:
    if isinstance(event, Touch):
        return _decide_touch(get, value, kind, event)
    if isinstance(event, Conversion):
        return _decide_conversion(get, value, event)
    if isinstance(event, Adjustment):
        return _decide_adjustment(get, value, event)
    raise TypeError(f"{kind.name} records have no dedup key")


def _claim_line(get: GetState, kind: str, ref: str, content: bytes, issued: bytes) -> Decision | dict[bytes, bytes]:
    """Return the decision if the line's id was used before, otherwise the state to store under it."""
    key = line_key(kind, ref)
    before = get(key)
    if before is None:
        return {key: _encoder.encode(LineState(content, issued))}
    line = _lines.decode(before)
    if line.content == content:
        return Decision("duplicate", issued=line.issued)
    return Decision("conflict", reason=Reason.CONFLICT, field="id", issued=line.issued,
                  detail="this id was used before with different content; give every line a unique id")  # fmt: skip


def _decide_touch(get: GetState, value: bytes, kind: Kind, touch: Touch) -> Decision:
    content = _digest(encode(kind, msgspec.structs.replace(touch, touch_id=NO_TOKEN, received_ts=0, ip_hash=0)))
    claimed = _claim_line(get, kind.name.lower(), touch.ref, content, touch.touch_id)
    if isinstance(claimed, Decision):
        return claimed
    return Decision("accepted", value, claimed, issued=touch.touch_id)


def _decide_conversion(get: GetState, value: bytes, event: Conversion) -> Decision:
    key = event.conversion_id
    stored = get(key)
    state = _conversions.decode(stored) if stored is not None else ConversionState()
    puts: dict[bytes, bytes] = {}
    if event.ref:
        content = _digest(encode(Kind.CONVERSION, msgspec.structs.replace(event, ts=0, sender_ip="")))
        claimed = _claim_line(get, "conversion", event.ref, content, key)
        if isinstance(claimed, Decision):
            return _with_status(claimed, state)
        puts = claimed
    if not state.known:
        state = msgspec.structs.replace(
            state, known=True, amount_minor=event.amount_minor, currency=event.currency, click_id=event.click_id,
            statuses=state.statuses if state.revision else state.statuses | status_bit(event.status),
            seen=_seen(state) | status_bit(event.status), reopen_forbidden=bool(event.reopen_forbidden),
            refunded_e4=_early_that_fits_e4(state, event.currency), early_e4={},
        )  # fmt: skip
        puts[key] = _encoder.encode(state)
        return Decision("accepted", value, puts, status=status_of(state.statuses), issued=key)
    return _decide_known(event, state, puts)


def _with_status(decision: Decision, state: ConversionState) -> Decision:
    """Add the conversion's current status to a decision."""
    return Decision(decision.verdict, reason=decision.reason, field=decision.field, detail=decision.detail,
                  status=status_of(state.statuses), issued=decision.issued)  # fmt: skip


def _decide_known(event: Conversion, state: ConversionState, puts: dict[bytes, bytes]) -> Decision:
    """Decide on a conversion whose key is taken: a duplicate, a conflict, or a change of status."""
    key, now = event.conversion_id, status_of(state.statuses)
    differs = _what_differs(event, state)
    if differs:
        detail = f"this conversion was reported before with another {differs}; refund it or use another txn_id"
        return Decision("conflict", reason=Reason.CONFLICT, field=differs, detail=detail, status=now, issued=key)
    if not event.given & Given.STATUS or _seen(state) & status_bit(event.status):
        return Decision("duplicate", None, puts, status=now, issued=key)
    adjustment = Adjustment(
        adjustment_id=status_key(key, event.status), conversion_id=key, ts=event.ts, event_ts=event.event_ts,
        kind="status", status=event.status, actor=event.origin, ref=event.ref,
    )  # fmt: skip
    return _decide_status(adjustment, state, puts)


def _what_differs(event: Conversion, state: ConversionState) -> str:
    """Return the first given field that differs; amounts compare as decimals, whatever the currency."""
    given = Given(event.given)
    if Given.CURRENCY in given and event.currency != state.currency:
        return "currency"
    if Given.AMOUNT in given:
        if e4_of_minor(event.amount_minor, event.currency) != e4_of_minor(state.amount_minor, state.currency):
            return "amount"
    if Given.CLICK_ID in given and event.click_id != state.click_id:
        return "click_id"
    return ""


def _seen(state: ConversionState) -> int:
    """Return every status so far; states that were stored before re-opening existed have only `statuses`."""
    return state.seen | state.statuses


def _is_move(now: str, new: str) -> tuple[bool, bool]:
    """Return whether one status may follow another, and whether that goes back (docs/contract.md, section 2.1)."""
    if not now:
        return True, False
    forward = status_bit(new) > status_bit(now)
    back = (now, new) == ("hold", "pending") or now == "declined"
    return forward or back, back


def _decide_status(event: Adjustment, state: ConversionState, puts: dict[bytes, bytes]) -> Decision:
    """Decide on a change of status.

    A status that the key has now is a duplicate; so is one that it had before, unless the adjustment has its own id.
    """
    key, bit, now = event.conversion_id, status_bit(event.status), status_of(state.statuses)
    allowed, back = _is_move(now, event.status)
    if not state.known:  # statuses that come before their conversion only go forward
        allowed, back = bit > state.statuses, False
    if event.status == now or (_seen(state) & bit and not (event.ref and state.known)):
        return Decision("duplicate", None, puts, status=now, issued=key)
    if now == "declined" and state.reopen_forbidden:
        allowed = False
    if not allowed:
        detail = f"the status is {now}; it cannot become {event.status}"
        return Decision(
            "rejected", reason=Reason.STATUS_NOT_PENDING, field="status", detail=detail, status=now, issued=key
        )
    revision = state.revision + back
    state = msgspec.structs.replace(
        state, statuses=bit if back else state.statuses | bit, seen=_seen(state) | bit, revision=revision
    )
    puts = {**puts, key: _encoder.encode(state)}
    record = encode(Kind.ADJUSTMENT, msgspec.structs.replace(event, status_revision=revision))
    return Decision("accepted", record, puts, status=event.status, issued=key)


def _decide_adjustment(get: GetState, value: bytes, event: Adjustment) -> Decision:
    key = event.conversion_id
    stored = get(key)
    state = _conversions.decode(stored) if stored is not None else ConversionState()
    puts: dict[bytes, bytes] = {}
    if event.ref:
        content = _digest(encode(Kind.ADJUSTMENT, msgspec.structs.replace(event, ts=0)))
        claimed = _claim_line(get, "adjustment", event.ref, content, key)
        if isinstance(claimed, Decision):
            return _with_status(claimed, state)
        puts = claimed
    if event.kind == "status":
        return _decide_status(event, state, puts)
    return _decide_refund(get, event, state, puts)


def _early_key(currency: str, amount_e4: int) -> str:
    decimals = next(d for d in range(DECIMALS_MAX + 1) if amount_e4 % 10 ** (DECIMALS_MAX - d) == 0)
    return f"{decimals}{currency}"


def _early_that_fits_e4(state: ConversionState, currency: str) -> int:
    """Sum the early refunds that fit a conversion of that currency; the others are ignored, as in attribution."""
    fits = {f"{decimals}{code}" for decimals in range(DECIMALS[currency] + 1) for code in ("", currency)}
    return sum(e4 for place, e4 in state.early_e4.items() if place in fits)


def _decide_refund(get: GetState, event: Adjustment, state: ConversionState, puts: dict[bytes, bytes]) -> Decision:
    key, now = event.conversion_id, status_of(state.statuses)

    def refuse(verdict: Verdict, reason: Reason, name: str, detail: str) -> Decision:
        return Decision(verdict, reason=reason, field=name, detail=detail, status=now, issued=key)

    if not event.ref:
        before = get(event.adjustment_id)
        if before is not None:
            same = event.amount_e4 in (WHAT_REMAINS, int.from_bytes(before, "big"))
            if same:
                return Decision("duplicate", status=now, issued=key)
            return refuse("conflict", Reason.CONFLICT, "amount", "this refund_id was used before with another amount")
    amount_e4 = event.amount_e4
    if not state.known:
        if not event.ref or amount_e4 <= 0:
            return refuse("rejected", Reason.CONVERSION_NOT_FOUND, "txn_id", "no such conversion; check goal, txn_id")
        place = _early_key(event.currency, amount_e4)
        early_e4 = {**state.early_e4, place: state.early_e4.get(place, 0) + amount_e4}
        if sum(early_e4.values()) > AMOUNT_E4_MAX:
            detail = "refunds before their conversion exceed any amount; send the conversion first"
            return refuse("rejected", Reason.REFUND_EXCEEDS_AMOUNT, "amount", detail)
        state = msgspec.structs.replace(state, early_e4=early_e4)
    else:
        remains_e4 = max(0, e4_of_minor(state.amount_minor, state.currency) - state.refunded_e4)
        amount_e4 = remains_e4 if amount_e4 == WHAT_REMAINS else amount_e4
        if event.currency and event.currency != state.currency:
            return refuse("conflict", Reason.CONFLICT, "currency", f"must be {state.currency}, as in the conversion")
        if minor_of_e4(amount_e4, state.currency) is None:
            return refuse("malformed", Reason.MALFORMED, "amount", f"more decimals than {state.currency} has")
        if amount_e4 <= 0 or amount_e4 > remains_e4:
            left = format_minor(minor_of_e4(remains_e4, state.currency) or 0, state.currency)
            detail = f"must be above 0 and at most what remains: {left} {state.currency}"
            return refuse("rejected", Reason.REFUND_EXCEEDS_AMOUNT, "amount", detail)
        state = msgspec.structs.replace(state, refunded_e4=state.refunded_e4 + amount_e4)
    if not event.ref:
        puts[event.adjustment_id] = amount_e4.to_bytes(10, "big")
    puts[key] = _encoder.encode(state)
    record = encode(Kind.ADJUSTMENT, msgspec.structs.replace(event, amount_e4=amount_e4))
    return Decision("accepted", record, puts, status=now, issued=key)
