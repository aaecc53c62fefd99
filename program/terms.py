"""Terms: the part of a program that decides about touches and money.

A conversion is priced under the terms in force when it is first credited and keeps them, so terms have a canonical form
that is never deleted, and a hash that names them. The canonical form contains neither links nor names, so a new link
or another name of a partner makes no new price.
"""

from functools import cached_property, lru_cache
from hashlib import blake2b

import msgspec

from program.entries import Coupon, Fit, PartnerKind, Plan, Status, Trust

_HASH_BYTES = 16


class GoalTerms(msgspec.Struct, frozen=True):
    key: str


class OfferTerms(msgspec.Struct, frozen=True, kw_only=True):
    click_window_us: int
    impression_window_us: int
    goals: tuple[GoalTerms, ...]
    reopen: bool = True
    """True if a declined conversion may be approved, pending or on hold again."""


class PartnerTerms(msgspec.Struct, frozen=True):
    status: Status = "active"
    kind: PartnerKind = "partner"


ORDINARY = PartnerTerms()
"""Terms of a partner that `Terms.partners` does not list."""


class Terms(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    currency: str
    timezone: str
    offers: dict[int, OfferTerms] = {}
    plans: tuple[Plan, ...] = ()
    models: tuple[str, ...] = ()
    """Models computed for every conversion, including the paying ones; always contains last_click."""
    partners: dict[int, PartnerTerms] = {}
    """Only partners that are inactive or direct: a new ordinary partner changes nothing here."""
    fits: dict[str, Fit] = {}
    """Fits by id."""
    link_user_id: Trust = "untrusted"
    """Whether user_id and visitor_id on public links and pixels join touches (docs/contract.md, section 2)."""
    coupons: dict[str, tuple[Coupon, ...]] = {}
    """Coupons by `coupon_key` of their code, in the order of their validity; the ranges of one code never overlap."""

    @cached_property
    def hash(self) -> str:
        """Hash of the canonical form."""
        return hash_of(canonical(self))


def canonical(terms: Terms) -> bytes:
    """Write terms as sorted JSON: equal terms give equal bytes, whatever the order in the file.

    Only empty values that are defaults are left out. A default such as a window of 30 days is written, so that a
    version with another default reads the same price.
    """
    parts: dict[str, object] = {
        "currency": terms.currency,
        "timezone": terms.timezone,
        "partners": {number: _written(partner) for number, partner in sorted(terms.partners.items())},
        "offers": {number: _written(offer) for number, offer in sorted(terms.offers.items())},
        "plans": [_written(plan) for plan in sorted(terms.plans, key=lambda plan: plan.name)],
        "models": sorted(terms.models),
        "fits": {fit_id: fit.ordered() for fit_id, fit in sorted(terms.fits.items())},
        "link_user_id": terms.link_user_id,
        "coupons": {key: [_written(coupon) for coupon in group] for key, group in sorted(terms.coupons.items())},
    }
    return msgspec.json.encode({name: part for name, part in parts.items() if part})


def _written(entry: msgspec.Struct) -> dict[str, object]:
    """Return the fields to write. Defaults are compared by value; msgspec's omit_defaults compares by identity."""
    values = ((name, getattr(entry, name), default) for name, default in _defaults(type(entry)))
    return {name: value for name, value, default in values if value != default or default}


@lru_cache(maxsize=16)
def _defaults(kind: type[msgspec.Struct]) -> tuple[tuple[str, object], ...]:
    return tuple((field.name, field.default) for field in msgspec.structs.fields(kind))


def from_canonical(text: bytes) -> Terms:
    """Read terms that `canonical` wrote, or those in a whole program that an earlier version stored.

    Earlier versions stored links and names with the terms, under the same keys; they are skipped.
    """
    terms = msgspec.json.decode(text, type=Terms)
    partners = {number: partner for number, partner in terms.partners.items() if partner != ORDINARY}
    return msgspec.structs.replace(terms, partners=partners)


def hash_of(canonical_text: bytes) -> str:
    """Hash a canonical form to 32 hex digits."""
    return blake2b(canonical_text, digest_size=_HASH_BYTES).hexdigest()
