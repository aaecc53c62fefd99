"""Entries of a program as people write them: partners, offers, links, plans, coupons and fits.

compile.py divides them into terms, routes and labels.
"""

from hashlib import blake2b
from typing import Literal

import msgspec

from schemas.values.model_names import FIT_ID_CHARS

DEFAULT_CLICK_WINDOW_US = 30 * 86_400 * 1_000_000
DEFAULT_IMPRESSION_WINDOW_US = 24 * 3_600 * 1_000_000
UNATTRIBUTED = 0
"""Number of the partner that unattributed value is credited to, so that totals add up."""


Status = Literal["active", "inactive"]
PartnerKind = Literal["partner", "direct"]
Trust = Literal["untrusted", "trusted"]


class Partner(msgspec.Struct, frozen=True, gc=False):
    id: int
    name: str
    status: Status = "active"
    kind: PartnerKind = "partner"
    """last_non_direct ignores touches of a `direct` partner unless there are no others."""


class Goal(msgspec.Struct, frozen=True):
    key: str
    name: str


class Offer(msgspec.Struct, frozen=True):
    id: int
    name: str
    landing_url: str
    status: Status = "active"
    allowed_hosts: tuple[str, ...] = ()
    """Hosts of deep links in lower case; `*.shop.example` is any subdomain. The landing host is always allowed."""
    click_window_us: int = DEFAULT_CLICK_WINDOW_US
    impression_window_us: int = DEFAULT_IMPRESSION_WINDOW_US
    goals: tuple[Goal, ...] = (Goal("1", "Conversion"),)
    reopen: bool = True
    """True if a declined conversion may be approved, pending or on hold again."""
    pass_through: bool = False
    """True if unknown query parameters of a click are passed on to the landing page."""


class Link(msgspec.Struct, frozen=True, gc=False):
    code: str
    offer_id: int
    partner_id: int
    status: Status = "active"
    landing_url: str = ""
    """Its own landing page instead of the offer's, on a host that deep links of the offer may go to; "" for none."""
    subs: tuple[tuple[str, str], ...] = ()
    """Names and values of subs that a hit gets unless it gives them, in the order of their numbers."""


class Coupon(msgspec.Struct, frozen=True, gc=False):
    """A code that credits a partner with the conversions of an offer that name it."""

    code: str
    partner_id: int
    offer_id: int
    from_us: int | None = None
    """First instant of its validity, in µs since 1970; None means no start."""
    to_us: int | None = None
    """End of its validity, exclusive; None means no end."""

    def covers(self, ts_us: int) -> bool:
        """Return whether the coupon is valid at that time."""
        return (self.from_us is None or self.from_us <= ts_us) and (self.to_us is None or ts_us < self.to_us)


def coupon_key(code: str) -> str:
    """Return the form in which codes of coupons are compared: without case and surrounding blanks."""
    return code.strip().casefold()


class Plan(msgspec.Struct, frozen=True, gc=False):
    """Payment for conversions. `percent_e6` is the percentage × 10^6 ("8.5" is 8_500_000); 0 means none."""

    offer_id: int
    partner_id: int | None = None
    goal: str | None = None
    percent_e6: int = 0
    fixed_minor: int = 0
    fixed_currency: str = ""
    hold_us: int = 0
    model: str = "last_click"
    """Text of a model, see schemas/values/model_names.py."""
    click_window_us: int | None = None
    impression_window_us: int | None = None
    """Windows of this plan; None means those of the offer."""
    conversions_min: int | None = None
    """Minimum number of conversions that the fit of the model must be based on; None means no minimum."""

    @property
    def name(self) -> str:
        """Name of the plan in tables and explanations; unique in a program that `clew check` accepts."""
        parts = [f"offer={self.offer_id}"]
        if self.partner_id is not None:
            parts.append(f"partner={self.partner_id}")
        if self.goal is not None:
            parts.append(f"goal={self.goal}")
        return ",".join(parts)


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """Fitted weights of a run, as a constant: the partners of a conversion share it by these weights.

    A partner that is not in `weights` has the minimum weight of 1. `run`, `from_ts`, `to_ts` and `as_of` tell which run
    gave the weights; the times are RFC 3339, empty where the range was open.
    """

    model: Literal["markov", "shapley"]
    run: str
    as_of: str
    from_ts: str = ""
    to_ts: str = ""
    conversions: int
    """Number of conversions with touches that the run was fitted to."""
    weights: dict[int, int]
    """Weight by partner, 1 to 10^12."""

    @property
    def id(self) -> str:
        """Hex digits of a hash of all content: any change makes a different fit."""
        return blake2b(msgspec.json.encode(self.ordered()), digest_size=FIT_ID_CHARS // 2).hexdigest()

    def ordered(self) -> "Fit":
        """Return the fit with its weights sorted by partner."""
        return msgspec.structs.replace(self, weights=dict(sorted(self.weights.items())))
