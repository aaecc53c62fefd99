"""Build journeys that did not convert from the touches of each person. Pure.

A touch is left out if a conversion of the same person and offer follows within the offer's longest window. The
remaining touches of a person and offer are cut at gaps longer than that window. Each piece is one journey: the touches
that a conversion at the time of the last touch would have had. So a null journey never contains touches that no
conversion could have had, and a person who returns after a year has two.
"""

from dataclasses import dataclass

import numpy as np

from attribution.core.credits import Pricing
from attribution.core.journeys import ConversionColumns, Hashes, Journeys, TouchRows
from attribution.kernels.checks import Array, Ints
from schemas.identity import of_token


@dataclass(frozen=True, slots=True)
class Converted:
    """Identity, offer and time (µs) of each conversion (N each), sorted by identity."""

    identity: Hashes
    offer_id: Ints
    ts: Ints

    @classmethod
    def concat(cls, parts: list["Converted"]) -> "Converted":
        """Merge several parts."""
        identity = np.concatenate([np.zeros(0, np.uint64), *(part.identity for part in parts)])
        order = np.argsort(identity, kind="stable")
        offer = np.concatenate([np.zeros(0, np.int64), *(part.offer_id for part in parts)])[order]
        return cls(identity[order], offer, np.concatenate([np.zeros(0, np.int64), *(p.ts for p in parts)])[order])

    def for_identities(self, identities: Hashes) -> "Converted":
        """Return the conversions of these identities, which must be sorted."""
        if not identities.size:
            return Converted.concat([])
        lo, hi = np.searchsorted(self.identity, identities[0]), np.searchsorted(self.identity, identities[-1], "right")
        kept = np.flatnonzero(np.isin(self.identity[lo:hi], identities)) + lo
        return Converted(self.identity[kept], self.offer_id[kept], self.ts[kept])


def person_of(rows: TouchRows) -> Hashes:
    """Return the identity of each touch's journey: its visitor, otherwise its user, otherwise the touch itself."""
    persons = np.where(rows.visitor != 0, rows.visitor, rows.user)
    for i in np.flatnonzero(persons == 0).tolist():
        persons[i] = of_token(bytes(rows.touch_id[i]).ljust(27, b"\0"))
    return persons


def converted_of(conversions: ConversionColumns, journeys: Journeys) -> Converted:
    """Collect the identities of these conversions: their own, and those of all touches of their journeys."""
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
    """Return a hypothetical conversion for each null journey that ends at `from_us` or later, and the touches.

    The identity of each of the `rows` is that of its person. Bots and inactive partners are left out.
    """
    rows = rows.take((rows.is_bot == 0) & ~np.isin(rows.partner_id, pricing.partner_rules.inactive))
    rows = rows.take(np.lexsort((rows.touch_id, rows.ts, rows.offer_id, rows.identity)))
    is_repeated = np.zeros(rows.ts.shape[0], np.bool_)
    is_repeated[1:] = (rows.identity[1:] == rows.identity[:-1]) & (rows.touch_id[1:] == rows.touch_id[:-1])
    rows = rows.take(~is_repeated)
    offers, where = np.unique(rows.offer_id, return_inverse=True)
    windows = np.array([pricing.windows_us(offer) for offer in offers.tolist()], np.int64).reshape(-1, 2)
    until_us = _until_conversion(rows, converted.for_identities(np.unique(rows.identity)))
    unconverted = until_us > windows.max(axis=1, initial=0)[where]
    rows, window = rows.take(unconverted), windows[where[unconverted]]
    last = np.ones(rows.ts.shape[0], np.bool_)
    is_same_person = (rows.identity[1:] == rows.identity[:-1]) & (rows.offer_id[1:] == rows.offer_id[:-1])
    last[:-1] = ~is_same_person | (rows.ts[1:] - rows.ts[:-1] > window[:-1].max(axis=1, initial=0))
    ends = np.flatnonzero(last & (rows.ts >= from_us))
    none = np.zeros(ends.shape[0], np.uint8)
    conversions = ConversionColumns(
        event_ts=rows.ts[ends], offer_id=rows.offer_id[ends], identity=rows.identity[ends], names=none,
        token=np.zeros(ends.shape[0], "S27"), token_kind=none, window_us=window[ends], goal=("",) * ends.shape[0],
        program=np.zeros(ends.shape[0], np.int64), partner_rules=(pricing.partner_rules,),
        coupon=np.zeros(ends.shape[0], "S27"), coupon_partner=np.zeros(ends.shape[0], np.int64),
    )  # fmt: skip
    return conversions, rows


_NEVER = np.iinfo(np.int64).max


def _until_conversion(rows: TouchRows, converted: Converted) -> Ints:
    """Return the µs from each touch to the next conversion of its person and offer; _NEVER if there is none."""
    identity = np.concatenate([rows.identity, converted.identity])
    offer, ts = np.concatenate([rows.offer_id, converted.offer_id]), np.concatenate([rows.ts, converted.ts])
    count, size = rows.ts.shape[0], identity.shape[0]
    is_conversion: Array = np.arange(size) >= count
    order = np.lexsort((is_conversion, ts, offer, identity))  # at equal times the touch is first
    positions = np.where(is_conversion[order], np.arange(size), size)
    following = np.minimum.accumulate(positions[::-1])[::-1]
    next_conversion = order[np.minimum(following, size - 1)] if size else order
    same_identity = identity[next_conversion] == identity[order]
    has_next = (following < size) & same_identity & (offer[next_conversion] == offer[order])
    until_us = np.empty(size, np.int64)
    until_us[order] = np.where(has_next, ts[next_conversion] - ts[order], _NEVER)
    return until_us[:count]
