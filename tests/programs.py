"""Programs for tests, made from entries without a file."""

from collections.abc import Iterable, Mapping, Sequence

from program.checks import Draft
from program.compile import compile_draft
from program.entries import Coupon, Fit, Link, Offer, Partner, Plan, Trust
from program.program import Program


def program_of_entries(
    *,
    partners: Iterable[Partner] = (),
    offers: Iterable[Offer] = (),
    links: Iterable[Link] = (),
    plans: Sequence[Plan] = (),
    coupons: Iterable[Coupon] = (),
    fits: Iterable[Fit] = (),
    models: tuple[str, ...] = (),
    name: str = "Acme",
    currency: str = "USD",
    timezone: str = "UTC",
    fallback_url: str = "",
    trusted_proxies: tuple[str, ...] = (),
    link_user_id: Trust = "untrusted",
    api_keys: tuple[str, ...] = (),
    postback_secrets: Mapping[int, str] | None = None,
) -> Program:
    draft = Draft(
        name, currency, timezone, fallback_url, api_keys, trusted_proxies, link_user_id, models,
        [((), partner) for partner in partners],
        [((), offer) for offer in offers],
        [((), link) for link in links],
        [((), plan) for plan in plans],
        [((), coupon) for coupon in coupons],
        [((), fit.id, fit) for fit in fits],
        dict(postback_secrets or {}),
    )  # fmt: skip
    return compile_draft(draft)
