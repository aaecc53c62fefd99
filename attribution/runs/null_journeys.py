"""Journeys that did not convert, out of touches by person. Pure.

A touch that a conversion of the same person and offer follows within the offer's longest window is in none. What is
left of a person and offer falls into stretches without a gap beyond that window; each stretch is one journey: the
touches that a conversion at the instant of its last touch would have had. So a null journey never holds what no
conversion could have held, and a person who comes back after a year has two.
"""

from dataclasses import dataclass

import numpy as np

from attribution.core.credits import Pricing
from attribution.core.journeys import ConversionColumns, Hashes, Journeys, TouchRows
from attribution.kernels.checks import Array, Ints
from schemas.identity import of_token


@dataclass(frozen=True, slots=True)
class Converted:
    """Who converted: identity, offer and µs of each conversion (N each), by identity."""

    identity: Hashes
    offer_id: Ints
    ts: Ints

    @classmethod
    def concat(cls, parts: list["Converted"]) -> "Converted":
        """All parts as one."""
        identity = np.concatenate([np.zeros(0, np.uint64), *(part.identity for part in parts)])
        order = np.argsort(identity, kind="stable")
        offer = np.concatenate([np.zeros(0, np.int64), *(part.offer_id for part in parts)])[order]
        return cls(identity[order], offer, np.concatenate([np.zeros(0, np.int64), *(p.ts for p in parts)])[order])

    def for_identities(self, identities: Hashes) -> "Converted":
        """Those of these identities (sorted)."""
        if not identities.size:
            return Converted.concat([])
        lo, hi = np.searchsorted(self.identity, identities[0]), np.searchsorted(self.identity, identities[-1], "right")
        kept = np.flatnonzero(np.isin(self.identity[lo:hi], identities)) + lo
        return Converted(self.identity[kept], self.offer_id[kept], self.ts[kept])


def person_of(rows: TouchRows) -> Hashes:
    """The identity a touch's journey goes by: its visitor, else its user, else the touch itself."""
    found = np.where(rows.visitor != 0, rows.visitor, rows.user)
    for i in np.flatnonzero(found == 0).tolist():
        found[i] = of_token(bytes(rows.touch_id[i]).ljust(27, b"\0"))
    return found


def converted_of(conversions: ConversionColumns, journeys: Journeys) -> Converted:
    """Under which identities these conversions are known: their own, and those of all touches looked at with them."""
    c = np.repeat(np.arange(conversions.event_ts.shape[0]), np.diff(journeys.offsets))
    touch, where = np.unique(journeys.touch, return_inverse=True)
    of_touches = person_of(journeys.touches.take(touch))[where]
    identity = np.concatenate([conversions.identity, of_touches])
    c = np.concatenate([np.arange(conversions.event_ts.shape[0]), c])
    keys = np.stack(
        [identity, conversions.offer_id[c].astype(np.uint64), conversions.event_ts[c].astype(np.uint64)], axis=1
    )
    keys = np.unique(keys[identity != 0], axis=0)
    return Converted(keys[:, 0].copy(), keys[:, 1].astype(np.int64), keys[:, 2].astype(np.int64))


def build_null_journeys(
    rows: TouchRows, converted: Converted, pricing: Pricing, from_us: int
) -> tuple[ConversionColumns, TouchRows]:
    """A conversion that did not come for each null journey that ends from `from_us` on, and the touches for them.

    `rows` bear their person's identity; bots and inactive partners among them count for nothing.
    """
    rows = rows.take((rows.is_bot == 0) & ~np.isin(rows.partner_id, pricing.terms.inactive))
    rows = rows.take(np.lexsort((rows.touch_id, rows.ts, rows.offer_id, rows.identity)))
    twice = np.zeros(rows.ts.shape[0], np.bool_)
    twice[1:] = (rows.identity[1:] == rows.identity[:-1]) & (rows.touch_id[1:] == rows.touch_id[:-1])
    rows = rows.take(~twice)
    offers, where = np.unique(rows.offer_id, return_inverse=True)
    windows = np.array([pricing.windows_us(offer) for offer in offers.tolist()], np.int64).reshape(-1, 2)
    alone = (
        _until_conversion(rows, converted.for_identities(np.unique(rows.identity)))
        > windows.max(axis=1, initial=0)[where]
    )
    rows, window = rows.take(alone), windows[where[alone]]
    last = np.ones(rows.ts.shape[0], np.bool_)
    same = (rows.identity[1:] == rows.identity[:-1]) & (rows.offer_id[1:] == rows.offer_id[:-1])
    last[:-1] = ~same | (rows.ts[1:] - rows.ts[:-1] > window[:-1].max(axis=1, initial=0))
    at = np.flatnonzero(last & (rows.ts >= from_us))
    none = np.zeros(at.shape[0], np.uint8)
    conversions = ConversionColumns(
        event_ts=rows.ts[at], offer_id=rows.offer_id[at], identity=rows.identity[at], names=none,
        token=np.zeros(at.shape[0], "S27"), token_kind=none, window_us=window[at], goal=("",) * at.shape[0],
        term=np.zeros(at.shape[0], np.int64), terms=(pricing.terms,),
        coupon=np.zeros(at.shape[0], "S27"), coupon_partner=np.zeros(at.shape[0], np.int64),
    )  # fmt: skip
    return conversions, rows


_NEVER = np.iinfo(np.int64).max


def _until_conversion(rows: TouchRows, converted: Converted) -> Ints:
    """µs from each touch to the next conversion of its person and offer; a great many if there is none."""
    identity = np.concatenate([rows.identity, converted.identity])
    offer, ts = np.concatenate([rows.offer_id, converted.offer_id]), np.concatenate([rows.ts, converted.ts])
    count, size = rows.ts.shape[0], identity.shape[0]
    is_conversion: Array = np.arange(size) >= count
    order = np.lexsort((is_conversion, ts, offer, identity))  # at one instant the touch goes first
    places = np.where(is_conversion[order], np.arange(size), size)
    following = np.minimum.accumulate(places[::-1])[::-1]
    there = order[np.minimum(following, size - 1)] if size else order
    fits = (following < size) & (identity[there] == identity[order]) & (offer[there] == offer[order])
    found = np.empty(size, np.int64)
    found[order] = np.where(fits, ts[there] - ts[order], _NEVER)
    return found[:count]
