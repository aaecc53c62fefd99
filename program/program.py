"""The program: partners, offers, links and plans that are in force (contract section 3).

program_file.py reads it from TOML; here are only the values. A Program never changes: a reload makes another.
The canonical form leaves secrets out, so it may be kept in the warehouse; its hash names the program.
"""

from hashlib import blake2b
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from schemas.values.model_names import FIT_ID_CHARS

DEFAULT_CLICK_WINDOW_US = 30 * 86_400 * 1_000_000
DEFAULT_IMPRESSION_WINDOW_US = 24 * 3_600 * 1_000_000
UNATTRIBUTED = 0
"""Number of the partner that gets what nobody earned, so that totals close."""


class Partner(msgspec.Struct, frozen=True):
    id: int
    name: str
    status: Literal["active", "inactive"] = "active"
    kind: Literal["partner", "direct"] = "partner"
    """`direct` touches are ignored by last_non_direct unless they are alone."""


class Goal(msgspec.Struct, frozen=True):
    key: str
    name: str


class Offer(msgspec.Struct, frozen=True):
    id: int
    name: str
    landing_url: str
    status: Literal["active", "inactive"] = "active"
    allowed_hosts: tuple[str, ...] = ()
    """Hosts of deep links, lower case; `*.shop.example` is any subdomain. The landing host always may."""
    click_window_us: int = DEFAULT_CLICK_WINDOW_US
    impression_window_us: int = DEFAULT_IMPRESSION_WINDOW_US
    goals: tuple[Goal, ...] = (Goal("1", "Conversion"),)


class Link(msgspec.Struct, frozen=True):
    code: str
    offer_id: int
    partner_id: int
    status: Literal["active", "inactive"] = "active"


class Plan(msgspec.Struct, frozen=True):
    """What a conversion pays. `percent_e6` is the percentage × 10^6 ("8.5" is 8_500_000); 0 is none."""

    offer_id: int
    partner_id: int | None = None
    goal: str | None = None
    percent_e6: int = 0
    fixed_minor: int = 0
    fixed_currency: str = ""
    hold_us: int = 0
    model: str = "last_click"
    """Text of a model, as in schemas/values/model_names.py."""
    click_window_us: int | None = None
    impression_window_us: int | None = None
    """Windows of this contract; None are the offer's."""
    conversions_min: int | UnsetType = UNSET
    """Conversions that the fit of the model must know. Unset where the plan demands none: what is unset is in no
    canonical form, so that programs from before this key keep their hashes."""

    @property
    def name(self) -> str:
        """How tables and explanations call the plan; unique in a program that `clew check` accepts."""
        parts = [f"offer={self.offer_id}"]
        if self.partner_id is not None:
            parts.append(f"partner={self.partner_id}")
        if self.goal is not None:
            parts.append(f"goal={self.goal}")
        return ",".join(parts)


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was fitted to, as a constant: a conversion's partners split it by these weights.

    A partner that is not in `weights` weighs 1, the least. `run`, `from_ts`, `to_ts` and `as_of` say where it comes
    from: RFC 3339, empty where the range was open.
    """

    model: Literal["markov", "shapley"]
    run: str
    as_of: str
    from_ts: str = ""
    to_ts: str = ""
    conversions: int
    """Conversions with touches that the run was fitted to."""
    weights: dict[int, int]
    """By partner, 1 to 10^12."""

    @property
    def id(self) -> str:
        """Hex digits of a hash of all of it: whatever is changed, it is another fit."""
        return blake2b(msgspec.json.encode(self.ordered()), digest_size=FIT_ID_CHARS // 2).hexdigest()

    def ordered(self) -> "Fit":
        """The same with weights in the order of partners."""
        return msgspec.structs.replace(self, weights=dict(sorted(self.weights.items())))


class Rules(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of a program that decides about touches and money; no secret is in it.

    Only `fits` has a default, so only it is left out of the canonical form where there are none.
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
    """Models computed for every conversion beside the paying ones; always has last_click."""
    fits: dict[str, Fit] = {}
    """By id."""


class Secrets(msgspec.Struct, frozen=True):
    """What may never be stored, logged or shown."""

    api_keys: tuple[str, ...] = ()
    postback_secrets: dict[int, str] = {}
    """By offer number; an offer without one takes postbacks without a secret."""

    def __repr__(self) -> str:
        return f"Secrets({len(self.api_keys)} api keys, {len(self.postback_secrets)} postback secrets)"


class Program(msgspec.Struct, frozen=True):
    """Rules, their secrets, and the name of the rules: a hash of their canonical form."""

    rules: Rules
    secrets: Secrets
    hash: str

    @classmethod
    def of(cls, rules: Rules, secrets: Secrets) -> "Program":
        return cls(rules=rules, secrets=secrets, hash=hash_of(canonical(rules)))


def canonical(rules: Rules) -> bytes:
    """JSON of the rules, sorted: equal programs give equal bytes, in whatever order the file has them."""
    ordered = msgspec.structs.replace(
        rules,
        partners=dict(sorted(rules.partners.items())),
        offers=dict(sorted(rules.offers.items())),
        links=dict(sorted(rules.links.items())),
        plans=tuple(sorted(rules.plans, key=lambda plan: plan.name)),
        fits={fit_id: fit.ordered() for fit_id, fit in sorted(rules.fits.items())},
    )
    return msgspec.json.encode(ordered)


def from_canonical(text: bytes) -> Rules:
    """The rules that `canonical` wrote."""
    return msgspec.json.decode(text, type=Rules)


def hash_of(canonical_text: bytes) -> str:
    """32 hex digits that name a program."""
    return blake2b(canonical_text, digest_size=16).hexdigest()
