"""Build journeys: the candidate touches of each conversion, and which of them count. Pure.

Touches are read twice, because a named touch leads to others: after the first read, `linked` returns the further
identities to read. The result does not depend on the order of rows. See docs/contract.md, section 5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attribution.kernels import select
from attribution.kernels.checks import Bytes, Ints
from schemas.events import Kind
from schemas.fields import NO_TOKEN
from schemas.identity import of_token
from schemas.reasons import NoCredit
from schemas.values.click_id import facts_of

Hashes = NDArray[np.uint64]
Tokens = NDArray[np.bytes_]

COUPON = 3
"""Kind of a touch made from a conversion's coupon; clicks are 1, impressions 2."""
KIND_NAMES = {int(Kind.CLICK): "click", int(Kind.IMPRESSION): "impression", COUPON: "coupon"}

PRECEDENCE = {int(Kind.CLICK): 2, int(Kind.IMPRESSION): 1, COUPON: 3}
"""Rank of a touch in single-touch rules."""

_PRECEDENCE_OF_KIND = np.array([0, *(PRECEDENCE[kind] for kind in sorted(PRECEDENCE))], np.uint8)

REASONS = {
    select.OTHER_OFFER: NoCredit.OTHER_OFFER,
    select.AFTER_CONVERSION: NoCredit.AFTER_CONVERSION,
    select.OUTSIDE_WINDOW: NoCredit.OUTSIDE_WINDOW,
    select.BOT: NoCredit.BOT,
    select.PARTNER_INACTIVE: NoCredit.PARTNER_INACTIVE,
    select.USED: NoCredit.USED,
}


class TooManyTouches(Exception):
    """The conversions have more touches than one computation may hold; retry with fewer conversions."""


Windows = Callable[[int, str, int], tuple[int, int]]
"""Returns the click and impression window, µs, of an offer, goal and partner."""


@dataclass(frozen=True, slots=True)
class PartnerRules:
    """Rules of one program for partners' touches.

    `inactive` and `direct` hold partner ids. `has_contracts` is True if any plan has its own windows, which
    `windows_us` then returns.
    """

    inactive: tuple[int, ...]
    direct: tuple[int, ...]
    has_contracts: bool
    windows_us: Windows


@dataclass(frozen=True, slots=True)
class ConversionColumns:
    """Conversions as columns; all arrays have the length C.

    identity        hash that the conversion matches by; 0 joins nothing
    names           1 if `identity` belongs to a click or impression that the conversion names
    token           token of the named touch; zeros if it was not named by token
    token_kind      1 for a click, 2 for an impression
    window_us       (C, 2): the longest click and impression window of the offer and its plans
    program         index of the conversion's program in `partner_rules`
    coupon          id of the touch that the coupon makes; zeros without a coupon
    coupon_partner  partner of the coupon; 0 without one
    """

    event_ts: Ints
    offer_id: Ints
    identity: Hashes
    names: Bytes
    token: Tokens
    token_kind: Bytes
    window_us: Ints
    goal: tuple[str, ...]
    program: Ints
    partner_rules: tuple[PartnerRules, ...]
    coupon: Tokens
    coupon_partner: Ints

    def slice(self, part: slice) -> "ConversionColumns":
        """Return a contiguous part of the conversions; `partner_rules` stay as they are."""
        return ConversionColumns(
            self.event_ts[part], self.offer_id[part], self.identity[part], self.names[part], self.token[part],
            self.token_kind[part], self.window_us[part], self.goal[part], self.program[part], self.partner_rules,
            self.coupon[part], self.coupon_partner[part],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TouchRows:
    """Rows of table `touches`, one per touch and identity. `pending` is 1 if the touch is known only by a token."""

    identity: Hashes
    ts: Ints
    kind: Bytes
    touch_id: Tokens
    offer_id: Ints
    partner_id: Ints
    is_bot: Bytes
    visitor: Hashes
    user: Hashes
    pending: Bytes

    @classmethod
    def from_rows(cls, rows: list[tuple[Any, ...]]) -> "TouchRows":
        """Build from tuples in the order of the fields."""
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(_TYPES)
        return cls(*(np.array(column, kind) for column, kind in zip(columns, _TYPES, strict=True)))

    def columns(self) -> tuple[NDArray[Any], ...]:
        return (self.identity, self.ts, self.kind, self.touch_id, self.offer_id, self.partner_id, self.is_bot,
                self.visitor, self.user, self.pending)  # fmt: skip

    def concat(self, other: "TouchRows") -> "TouchRows":
        """Return these rows followed by others."""
        return TouchRows(*(np.concatenate(pair) for pair in zip(self.columns(), other.columns(), strict=True)))

    def take(self, indices: NDArray[Any]) -> "TouchRows":
        """Return the rows at these indices, or where a mask is True."""
        return TouchRows(*(column[indices] for column in self.columns()))


_TYPES: tuple[Any, ...] = (
    np.uint64, np.int64, np.uint8, "S27", np.int64, np.int64, np.uint8, np.uint64, np.uint64, np.uint8,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Journeys:
    """Journeys in CSR form: conversion c has positions `offsets[c]:offsets[c + 1]`, sorted by (ts, precedence, id).

    touch       index into `touches`, which has the same order
    named       1 if the conversion names the touch
    winner      1 if the touch wins single-touch rules: the named touch, or a coupon that counts
    precedence  rank of the touch's kind
    direct      1 if the partner is `direct`
    codes       result of kernels.select.select_touches
    """

    offsets: Ints
    touch: Ints
    named: Bytes
    winner: Bytes
    precedence: Bytes
    direct: Bytes
    codes: Bytes
    touches: TouchRows

    @property
    def ts(self) -> Ints:
        """Time of the touch at each position, µs."""
        return self.touches.ts[self.touch]

    @property
    def partner(self) -> Ints:
        """Partner of the touch at each position."""
        return self.touches.partner_id[self.touch]


def linked(conversions: ConversionColumns, rows: TouchRows) -> Hashes:
    """Return visitor and user identities of the touches that conversions name, to be read next. Sorted, without 0."""
    named = np.isin(rows.identity, conversions.identity[conversions.names == 1])
    identities = np.concatenate([rows.visitor[named], rows.user[named]])
    return np.unique(identities[identities != 0])


def pending_touches(conversions: ConversionColumns, rows: TouchRows) -> TouchRows:
    """Build the touches that conversions name by a token whose row is missing, from the content of the token."""
    missing = (conversions.token != NO_TOKEN.rstrip(b"\0")) & ~np.isin(conversions.identity, rows.identity)
    kinds = {
        bytes(conversions.token[c]).ljust(27, b"\0"): int(conversions.token_kind[c]) for c in np.flatnonzero(missing)
    }
    made = []
    for token, kind in sorted(kinds.items()):
        facts = facts_of(token)
        made.append((of_token(token), facts.ts_ms * 1000, kind, token, facts.offer_id, facts.partner_id, 0, 0, 0, 1))
    return TouchRows.from_rows(made)


def coupon_touches(conversions: ConversionColumns) -> TouchRows:
    """Build the touches of coupons: at the time of the conversion, or of the named touch if that is later."""
    made = []
    for c in np.flatnonzero(conversions.coupon_partner):
        touch_id = bytes(conversions.coupon[c]).ljust(27, b"\0")
        ts = int(conversions.event_ts[c])
        if conversions.token[c] != NO_TOKEN.rstrip(b"\0"):
            ts = max(ts, facts_of(bytes(conversions.token[c]).ljust(27, b"\0")).ts_ms * 1000 + 999)
        partner = int(conversions.coupon_partner[c])
        made.append((of_token(touch_id), ts, COUPON, touch_id, int(conversions.offer_id[c]), partner, 0, 0, 0, 0))
    return TouchRows.from_rows(made)


def build(conversions: ConversionColumns, rows: TouchRows, *, pairs_max: int = 5_000_000) -> Journeys:
    """Build the journeys of the conversions from the rows of their identities, including linked ones.

    A conversion that names a touch has that touch and those that share its visitor or user; any other has the
    touches of its identity. Touches of another offer are left out, except for the named one. Raises TooManyTouches
    beyond `pairs_max` pairs of conversion and touch.
    """
    rows = rows.concat(coupon_touches(conversions))
    touches, index_of = _unique(rows)
    index = _Index.build(rows.identity, index_of)
    numbers = np.arange(conversions.event_ts.shape[0])
    own_c, own_t = index.expand(numbers, conversions.identity, pairs_max)
    by_name = conversions.names[own_c] == 1
    from_c, from_t = own_c[by_name], own_t[by_name]
    more_c, more_t = index.expand(
        np.concatenate([from_c, from_c]),
        np.concatenate([touches.visitor[from_t], touches.user[from_t]]),
        pairs_max - own_c.shape[0],
    )
    has_coupon = np.flatnonzero(conversions.coupon_partner)
    coupon_ids = np.array([of_token(bytes(conversions.coupon[c]).ljust(27, b"\0")) for c in has_coupon], np.uint64)
    coupon_c, coupon_t = index.expand(has_coupon, coupon_ids, pairs_max)
    pair_c, pair_t = np.concatenate([own_c, coupon_c, more_c]), np.concatenate([own_t, coupon_t, more_t])
    key, where = np.unique(pair_c * max(1, touches.ts.shape[0]) + pair_t, return_inverse=True)
    named = np.zeros(key.shape[0], np.uint8)
    named[where[: own_c.shape[0]][by_name]] = 1
    named[where[own_c.shape[0] : own_c.shape[0] + coupon_c.shape[0]]] = 1
    c, t = np.divmod(key, max(1, touches.ts.shape[0]))
    kept = (touches.offer_id[t] == conversions.offer_id[c]) | (named == 1)
    return _journeys(conversions, touches, c[kept], t[kept], named[kept])


def _journeys(conversions: ConversionColumns, touches: TouchRows, c: Ints, t: Ints, named: Bytes) -> Journeys:
    counts = np.bincount(c, minlength=conversions.event_ts.shape[0])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    kind, partner = touches.kind[t], touches.partner_id[t]
    same_offer = (touches.offer_id[t] == conversions.offer_id[c]).astype(np.uint8)
    is_coupon = kind == COUPON
    window = np.where(is_coupon, 0, _windows(conversions, c, np.minimum(kind, 2).astype(np.int64) - 1, partner))
    confirmed = (is_coupon | ((named == 1) & (conversions.token[c] != NO_TOKEN.rstrip(b"\0")))).astype(np.uint8)
    codes = select.select_touches(
        offsets, touches.ts[t], touches.is_bot[t], same_offer, confirmed, conversions.event_ts, window
    )
    direct = np.zeros(c.shape[0], np.uint8)
    for number, rules in enumerate(conversions.partner_rules):
        if rules.inactive:
            inactive = (conversions.program[c] == number) & np.isin(partner, rules.inactive)
            codes[inactive & (codes == select.ELIGIBLE)] = select.PARTNER_INACTIVE
        if rules.direct:
            direct[(conversions.program[c] == number) & np.isin(partner, rules.direct)] = 1
    wins = is_coupon & (codes == select.ELIGIBLE)
    by_coupon = np.bincount(c[wins], minlength=conversions.event_ts.shape[0])[c] > 0
    winner = np.where(by_coupon, wins, named == 1).astype(np.uint8)
    return Journeys(offsets, t, named, winner, _PRECEDENCE_OF_KIND[kind], direct, codes, touches)


def _windows(conversions: ConversionColumns, c: Ints, kind: Ints, partner: Ints) -> Ints:
    """Return the window of each pair: that of the plan of its partner, otherwise that of the offer."""
    of_offers = conversions.window_us[c, kind]
    if not any(rules.has_contracts for rules in conversions.partner_rules):
        return of_offers
    goals = {goal: number for number, goal in enumerate(sorted(set(conversions.goal)))}
    goal = np.array([goals[text] for text in conversions.goal], np.int64)
    names = sorted(goals)
    keys = np.stack([conversions.program[c], conversions.offer_id[c], goal[c], partner], axis=1)
    distinct, where = np.unique(keys, axis=0, return_inverse=True)
    windows = np.array(
        [conversions.partner_rules[t].windows_us(o, names[g], p) for t, o, g, p in distinct.tolist()], np.int64
    )
    return windows.reshape(-1, 2)[where.ravel(), kind]


def _unique(rows: TouchRows) -> tuple[TouchRows, Ints]:
    """Return each touch once, sorted by (ts, precedence, touch id), and the index of each row's touch in that order."""
    if not rows.ts.size:
        return rows, np.zeros(0, np.int64)
    by_id = np.lexsort((rows.pending, rows.touch_id))  # a stored row before one built from its token
    ids = rows.touch_id[by_id]
    first = np.concatenate([[True], ids[1:] != ids[:-1]])
    touches = rows.take(by_id[first])
    order = np.lexsort((touches.touch_id, _PRECEDENCE_OF_KIND[touches.kind], touches.ts))
    rank = np.empty(order.shape[0], np.int64)
    rank[order] = np.arange(order.shape[0])
    index_of = np.empty(rows.ts.shape[0], np.int64)
    index_of[by_id] = rank[np.cumsum(first) - 1]
    return touches.take(order), index_of


@dataclass(frozen=True, slots=True)
class _Index:
    """Indices of touches by identity."""

    identity: Hashes
    touch: Ints

    @classmethod
    def build(cls, identity: Hashes, touch: Ints) -> "_Index":
        order = np.lexsort((touch, identity))
        return cls(identity[order], touch[order])

    def expand(self, conversions: Ints, identities: Hashes, pairs_max: int) -> tuple[Ints, Ints]:
        """Return (conversion, touch) for each touch of each conversion's identity."""
        lo = np.searchsorted(self.identity, identities, "left")
        hi = np.searchsorted(self.identity, identities, "right")
        counts = np.where(identities == 0, 0, hi - lo)
        total = int(counts.sum())
        if total > pairs_max:
            raise TooManyTouches(f"{total} pairs of conversion and touch exceed the limit of {pairs_max}")
        starts = np.repeat(lo - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) if total else lo[:0]
        return np.repeat(conversions, counts), self.touch[starts + np.arange(total)]


def why_unattributed(codes: list[int], named: list[int]) -> NoCredit:
    """Return the reason why a conversion without an eligible touch is unattributed, from the codes of its journey.

    This is the reason of the named touch if there is one. Otherwise it is the first of bot, inactive partner and used
    touch that occurs, and `no_touch` if none does.
    """
    for code, is_named in zip(reversed(codes), reversed(named), strict=True):
        if is_named:
            return REASONS[code]
    for code in (select.BOT, select.PARTNER_INACTIVE, select.USED):
        if code in codes:
            return REASONS[code]
    return NoCredit.NO_TOUCH
