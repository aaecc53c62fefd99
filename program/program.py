"""The program: partners, offers, links and plans as values (docs/contract.md, section 3).

file.py reads it from TOML. A Program never changes: a reload makes a new one. The canonical form contains no secrets,
so it can be kept in the warehouse; its hash names the program.
"""

from hashlib import blake2b
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from schemas.values.model_names import FIT_ID_CHARS

DEFAULT_CLICK_WINDOW_US = 30 * 86_400 * 1_000_000
DEFAULT_IMPRESSION_WINDOW_US = 24 * 3_600 * 1_000_000
UNATTRIBUTED = 0
"""Number of the partner that unattributed value is credited to, so that totals add up."""


class Partner(msgspec.Struct, frozen=True):
    id: int
    name: str
    status: Literal["active", "inactive"] = "active"
    kind: Literal["partner", "direct"] = "partner"
    """last_non_direct ignores touches of a `direct` partner unless there are no others."""


class Goal(msgspec.Struct, frozen=True):
    key: str
    name: str


class Offer(msgspec.Struct, frozen=True):
    id: int
    name: str
    landing_url: str
    status: Literal["active", "inactive"] = "active"
    allowed_hosts: tuple[str, ...] = ()
    """Hosts of deep links in lower case; `*.shop.example` is any subdomain. The landing host is always allowed."""
    click_window_us: int = DEFAULT_CLICK_WINDOW_US
    impression_window_us: int = DEFAULT_IMPRESSION_WINDOW_US
    goals: tuple[Goal, ...] = (Goal("1", "Conversion"),)
    reopen_key: bool | UnsetType = msgspec.field(default=UNSET, name="reopen")
    pass_through_key: bool | UnsetType = msgspec.field(default=UNSET, name="pass_through")
    """Unset where the default applies: an unset field is left out of the canonical form, so that programs without
    these keys keep their hashes."""

    @property
    def reopen(self) -> bool:
        """True if a declined conversion may be approved, pending or on hold again."""
        return self.reopen_key is not False

    @property
    def pass_through(self) -> bool:
        """True if unknown query parameters of a click are passed on to the landing page."""
        return self.pass_through_key is True


class Link(msgspec.Struct, frozen=True):
    code: str
    offer_id: int
    partner_id: int
    status: Literal["active", "inactive"] = "active"


class Coupon(msgspec.Struct, frozen=True, omit_defaults=True):
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


class Plan(msgspec.Struct, frozen=True):
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
    conversions_min: int | UnsetType = UNSET
    """Minimum number of conversions that the fit of the model must be based on. It is unset if the plan has none:
    an unset field is left out of the canonical form, so that programs without this key keep their hashes."""

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


class Rules(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything in a program that decides about touches and money, without secrets.

    A field with a default is left out of the canonical form while it has that value, so that programs without the key
    keep their hashes.
    """

    name: str
    currency: str
    timezone: str
    fallback_url: str
    trusted_proxies: tuple[str, ...]
    partners: dict[int, Partner]
    offers: dict[int, Offer]
    links: dict[str, Link]
    plans: tuple[Plan, ...]
    models: tuple[str, ...]
    """Models computed for every conversion, including the paying ones; always contains last_click."""
    fits: dict[str, Fit] = {}
    """Fits by id."""
    link_user_id: Literal["untrusted", "trusted"] = "untrusted"
    """Whether user_id and visitor_id on public links and pixels join touches (docs/contract.md, section 2)."""
    coupons: dict[str, tuple[Coupon, ...]] = {}
    """Coupons by `coupon_key` of their code, in the order of their validity; the ranges of one code never overlap."""


class Secrets(msgspec.Struct, frozen=True):
    """Values that must never be stored, logged or shown."""

    api_keys: tuple[str, ...] = ()
    postback_secrets: dict[int, str] = {}
    """Secrets by offer number; an offer without one accepts postbacks without a secret."""

    def __repr__(self) -> str:
        return f"Secrets({len(self.api_keys)} api keys, {len(self.postback_secrets)} postback secrets)"


class Program(msgspec.Struct, frozen=True):
    """Rules, secrets, and the name of the rules: a hash of their canonical form."""

    rules: Rules
    secrets: Secrets
    hash: str

    @classmethod
    def of(cls, rules: Rules, secrets: Secrets) -> "Program":
        return cls(rules=rules, secrets=secrets, hash=hash_of(canonical(rules)))


def canonical(rules: Rules) -> bytes:
    """Write the rules as sorted JSON: equal programs give equal bytes, whatever the order in the file."""
    ordered = msgspec.structs.replace(
        rules,
        partners=dict(sorted(rules.partners.items())),
        offers=dict(sorted(rules.offers.items())),
        links=dict(sorted(rules.links.items())),
        plans=tuple(sorted(rules.plans, key=lambda plan: plan.name)),
        fits={fit_id: fit.ordered() for fit_id, fit in sorted(rules.fits.items())},
        coupons=dict(sorted(rules.coupons.items())),
    )
    return msgspec.json.encode(ordered)


def from_canonical(text: bytes) -> Rules:
    """Read the rules that `canonical` wrote."""
    return msgspec.json.decode(text, type=Rules)


def hash_of(canonical_text: bytes) -> str:
    """Hash a canonical form to the 32 hex digits that name the program."""
    return blake2b(canonical_text, digest_size=16).hexdigest()
