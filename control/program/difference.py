"""Difference of two programs in words and money. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from control.program.rows import status_of
from program.entries import Coupon, Plan
from program.labels import Labels
from program.routes import Routes
from program.terms import ORDINARY, OfferTerms, Terms
from program.to_toml import format_instant, format_percent
from schemas.values.durations import format_duration
from schemas.values.money import format_minor

_K = TypeVar("_K", int, str)
_V = TypeVar("_V")
_NOTHING = "nothing"


def terms_difference(old: Terms | None, new: Terms, labels: Labels) -> list[str]:
    """Return sentences about what changes from the old terms to the new ones."""
    names = _Names(labels)
    if old is None:
        return [
            f"publishes the first program: {_count(len(new.offers), 'offer')}, {_count(len(new.plans), 'plan')} and "
            f"{_count(len(new.coupons), 'coupon')}, in {new.currency}"
        ]
    return [
        *_head(old, new),
        *_offers(old, new, names),
        *_plans(old, new, names),
        *_coupons(old, new, names),
        *_partners(old, new, names),
        *_fits(old, new),
    ]


class _Names:
    def __init__(self, labels: Labels) -> None:
        self._labels = labels

    def partner(self, number: int) -> str:
        return self._labels.partners.get(number) or f"partner {number}"

    def offer(self, number: int) -> str:
        return self._labels.offers.get(number) or f"offer {number}"

    def offer_by_noun(self, number: int) -> str:
        """Return `offer` with its name, or with its number if it has none."""
        return f"offer {self._labels.offers.get(number) or number}"

    def goal(self, offer: int, key: str) -> str:
        return self._labels.goals.get(offer, {}).get(key) or f"goal {key}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _head(old: Terms, new: Terms) -> Iterator[str]:
    if old.currency != new.currency:
        yield f"changes the currency from {old.currency} to {new.currency}"
    if old.timezone != new.timezone:
        yield f"changes the time zone from {old.timezone} to {new.timezone}"
    if old.link_user_id != new.link_user_id:
        yield f"changes ids on public links from {old.link_user_id} to {new.link_user_id}"
    if added := sorted({*new.models} - {*old.models}):
        yield f"computes {', '.join(added)} for reports"
    if removed := sorted({*old.models} - {*new.models}):
        yield f"no longer computes {', '.join(removed)}"


def _offers(old: Terms, new: Terms, names: _Names) -> Iterator[str]:
    for number, before, after in _pairs(old.offers, new.offers):
        offer = names.offer_by_noun(number)
        if before is None:
            yield f"adds {offer}"
        elif after is None:
            yield f"removes {offer}"
        else:
            yield from _offer(number, before, after, names)


def _offer(number: int, old: OfferTerms, new: OfferTerms, names: _Names) -> Iterator[str]:
    offer = names.offer(number)
    for noun, before, after in (
        ("click window", old.click_window_us, new.click_window_us),
        ("impression window", old.impression_window_us, new.impression_window_us),
    ):
        if before != after:
            verb = "lengthens" if after > before else "shortens"
            yield f"{verb} the {noun} of {offer} from {format_duration(before)} to {format_duration(after)}"
    keys, later = {goal.key for goal in old.goals}, {goal.key for goal in new.goals}
    for key in sorted(later - keys):
        yield f"adds {names.goal(number, key)} to {offer}"
    for key in sorted(keys - later):
        yield f"removes {names.goal(number, key)} from {offer}"
    if old.reopen != new.reopen:
        yield f"{'allows' if new.reopen else 'forbids'} that declined conversions of {offer} are approved later"


def _plans(old: Terms, new: Terms, names: _Names) -> Iterator[str]:
    before = {plan.name: plan for plan in old.plans}
    after = {plan.name: plan for plan in new.plans}
    for _, was, now in _pairs(before, after):
        if was is None and now is not None:
            yield f"pays {_payee(now, names)} {_pay(now)} for {_subject(now, names)}{_conditions(now)}"
        elif now is None and was is not None:
            yield f"ends {_whose(was, names)} for {_subject(was, names)} ({_pay(was)})"
        elif was is not None and now is not None and was != now:
            yield from _plan(was, now, names)


def _plan(old: Plan, new: Plan, names: _Names) -> Iterator[str]:
    whose, subject = _whose(new, names), _subject(new, names)
    if _pay(old) != _pay(new):
        yield f"{_verb(old, new)} {whose} for {subject} from {_pay(old)} to {_pay(new)}"
    for noun, before, after in (
        ("hold", format_duration(old.hold_us), format_duration(new.hold_us)),
        ("model", old.model, new.model),
        ("click window", _window(old.click_window_us), _window(new.click_window_us)),
        ("impression window", _window(old.impression_window_us), _window(new.impression_window_us)),
        ("minimum of conversions", str(old.conversions_min or 0), str(new.conversions_min or 0)),
    ):
        if before != after:
            yield f"changes the {noun} of {whose} for {subject} from {before} to {after}"


def _verb(old: Plan, new: Plan) -> str:
    if old.fixed_minor and new.fixed_minor and old.fixed_currency != new.fixed_currency:
        return "changes"
    steps = (new.percent_e6 - old.percent_e6, new.fixed_minor - old.fixed_minor)
    if min(steps) >= 0:
        return "raises"
    return "lowers" if max(steps) <= 0 else "changes"


def _pay(plan: Plan) -> str:
    parts = [f"{format_percent(plan.percent_e6)} %"] if plan.percent_e6 or not plan.fixed_minor else []
    if plan.fixed_minor:
        parts.append(f"{format_minor(plan.fixed_minor, plan.fixed_currency)} {plan.fixed_currency}")
    return " + ".join(parts)


def _conditions(plan: Plan) -> str:
    parts = [f"held for {format_duration(plan.hold_us)}"] if plan.hold_us else []
    if plan.model != "last_click":
        parts.append(f"by {plan.model}")
    return f", {', '.join(parts)}" if parts else ""


def _payee(plan: Plan, names: _Names) -> str:
    return "every partner" if plan.partner_id is None else names.partner(plan.partner_id)


def _whose(plan: Plan, names: _Names) -> str:
    if plan.partner_id is None:
        return "the commission"
    name = names.partner(plan.partner_id)
    return f"{name}'{'' if name.endswith('s') else 's'} commission"


def _subject(plan: Plan, names: _Names) -> str:
    offer = names.offer(plan.offer_id)
    return offer if plan.goal is None else f"{names.goal(plan.offer_id, plan.goal)} of {offer}"


def _window(window_us: int | None) -> str:
    return "that of the offer" if window_us is None else format_duration(window_us)


def _coupons(old: Terms, new: Terms, names: _Names) -> Iterator[str]:
    before = {coupon for group in old.coupons.values() for coupon in group}
    after = {coupon for group in new.coupons.values() for coupon in group}
    for verb, coupons in (("adds", after - before), ("ends", before - after)):
        for coupon in sorted(coupons, key=lambda coupon: (coupon.code, coupon.from_us or 0)):
            who, offer = names.partner(coupon.partner_id), names.offer(coupon.offer_id)
            yield f"{verb} coupon {coupon.code} of {who} for {offer}{_validity(coupon)}"


def _validity(coupon: Coupon) -> str:
    start = f" from {format_instant(coupon.from_us)}" if coupon.from_us is not None else ""
    return start + (f" until {format_instant(coupon.to_us)}" if coupon.to_us is not None else "")


def _partners(old: Terms, new: Terms, names: _Names) -> Iterator[str]:
    for number, was, now in _pairs(old.partners, new.partners):
        before, after = was or ORDINARY, now or ORDINARY
        if before.status != after.status:
            verb = "counts touches of" if after.status == "active" else "stops counting touches of"
            yield f"{verb} {names.partner(number)}"
        if before.kind != after.kind:
            yield f"treats {names.partner(number)} as {'direct traffic' if after.kind == 'direct' else 'a partner'}"


def _fits(old: Terms, new: Terms) -> Iterator[str]:
    for fit_id, was, now in _pairs(old.fits, new.fits):
        if was is None or now is None:
            yield f"{'adds' if was is None else 'removes'} fitted weights {fit_id}"


def routes_difference(old: Routes, new: Routes, labels: Labels) -> list[str]:
    """Return sentences about what changes in routes. They may be only the parts that differ."""
    names = _Names(labels)
    lines = []
    if old.fallback_url != new.fallback_url:
        lines.append(f"changes the fallback URL from {old.fallback_url or _NOTHING} to {new.fallback_url or _NOTHING}")
    if old.trusted_proxies != new.trusted_proxies:
        lines.append(f"trusts the proxies {', '.join(new.trusted_proxies) or _NOTHING}")
    for number, was, now in _pairs(old.partners, new.partners):
        if was != now and (was or now == "active"):
            verb = "starts" if now == "active" else "stops"
            lines.append(f"{verb} the links of {names.partner(number)}")
    for number, before, after in _pairs(old.offers, new.offers):
        if before is not None and after is not None and before != after:
            lines += _route(names.offer(number), before, after)
    lines += _links(old, new)
    return lines


def _route(offer: str, old: Any, new: Any) -> Iterator[str]:
    if old.status != new.status:
        yield f"{'starts' if new.status == status_of(True) else 'pauses'} {offer}"
    if old.landing_url != new.landing_url:
        yield f"changes the landing page of {offer} from {old.landing_url} to {new.landing_url}"
    if old.allowed_hosts != new.allowed_hosts:
        yield f"allows deep links of {offer} to {', '.join(new.allowed_hosts) or 'the landing host only'}"
    if old.pass_through != new.pass_through:
        yield f"{'passes' if new.pass_through else 'no longer passes'} unknown parameters on to {offer}"


def _links(old: Routes, new: Routes) -> Iterator[str]:
    pairs = list(_pairs(old.links, new.links))
    for verb, chosen in (
        ("adds", [code for code, was, _ in pairs if was is None]),
        ("removes", [code for code, _, now in pairs if now is None]),
        ("starts", _switched(pairs, "active")),
        ("stops", _switched(pairs, "inactive")),
        ("changes the landing page of", _changed(pairs, "landing_url")),
        ("changes the default subs of", _changed(pairs, "subs")),
    ):
        if chosen:
            rest = f" and {len(chosen) - 20} more" if len(chosen) > 20 else ""
            yield f"{verb} {_count(len(chosen), 'link')}: {', '.join(chosen[:20])}{rest}"


def _switched(pairs: Iterable[tuple[str, Any, Any]], to: str) -> list[str]:
    return [code for code, was, now in pairs if was and now and was.status != now.status == to]


def _changed(pairs: Iterable[tuple[str, Any, Any]], field: str) -> list[str]:
    return [code for code, was, now in pairs if was and now and getattr(was, field) != getattr(now, field)]


def _pairs(old: Mapping[_K, _V], new: Mapping[_K, _V]) -> Iterator[tuple[_K, _V | None, _V | None]]:
    """Yield the keys whose values differ, with both values."""
    for name in sorted(set(old) | set(new)):
        was, now = old.get(name), new.get(name)
        if was != now:
            yield name, was, now
