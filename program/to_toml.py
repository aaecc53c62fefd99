"""Write a program as the text of a program file. It reads back as the same terms, routes and labels.

Secrets are never written; the text names the keys that hold them, so that they can be added.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from program.entries import Coupon, Plan
from program.fits import to_toml as fit_to_toml
from program.program import Program
from schemas.values.durations import format_duration
from schemas.values.money import format_minor

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def program_to_toml(program: Program) -> Iterator[str]:
    """Yield the lines of a program file without its secrets."""
    yield from _head(program)
    yield from _partners(program)
    yield from _offers(program)
    yield from _links(program)
    for plan in sorted(program.terms.plans, key=lambda plan: plan.name):
        yield from _plan(plan)
    for group in program.terms.coupons.values():
        for coupon in group:
            yield from _coupon(coupon)
    for fit in program.terms.fits.values():
        yield ""
        yield from fit_to_toml(fit)
    yield ""
    yield "[attribution]"
    yield f"models = {_list(program.terms.models)}"


def _head(program: Program) -> Iterator[str]:
    terms, routes = program.terms, program.routes
    yield "# Secrets are not exported: add api_keys here, and postback_secret to the offers."
    yield "[program]"
    if program.labels.program:
        yield f"name = {_text(program.labels.program)}"
    yield f"currency = {_text(terms.currency)}"
    yield f"timezone = {_text(terms.timezone)}"
    if routes.fallback_url:
        yield f"fallback_url = {_text(routes.fallback_url)}"
    if routes.trusted_proxies:
        yield f"trusted_proxies = {_list(routes.trusted_proxies)}"
    if terms.link_user_id != "untrusted":
        yield f"link_user_id = {_text(terms.link_user_id)}"


def _partners(program: Program) -> Iterator[str]:
    for number, status in sorted(program.routes.partners.items()):
        terms = program.terms.partners.get(number)
        yield ""
        yield "[[partner]]"
        yield f"id = {number}"
        if name := program.labels.partners.get(number):
            yield f"name = {_text(name)}"
        if status != "active":
            yield f"status = {_text(status)}"
        if terms is not None and terms.kind != "partner":
            yield f"kind = {_text(terms.kind)}"


def _offers(program: Program) -> Iterator[str]:
    for number, offer in sorted(program.terms.offers.items()):
        route, names = program.routes.offers[number], program.labels.goals.get(number, {})
        yield ""
        yield "[[offer]]"
        yield f"id = {number}"
        if name := program.labels.offers.get(number):
            yield f"name = {_text(name)}"
        yield f"landing_url = {_text(route.landing_url)}"
        if route.status != "active":
            yield f"status = {_text(route.status)}"
        if route.allowed_hosts:
            yield f"allowed_hosts = {_list(route.allowed_hosts)}"
        yield f"click_window = {_text(format_duration(offer.click_window_us))}"
        yield f"impression_window = {_text(format_duration(offer.impression_window_us))}"
        goals = ", ".join(f"{{ key = {_text(g.key)}, name = {_text(names.get(g.key) or g.key)} }}" for g in offer.goals)
        yield f"goals = [{goals}]"
        if not offer.reopen:
            yield "reopen = false"
        if route.pass_through:
            yield "pass_through = true"


def _links(program: Program) -> Iterator[str]:
    for code, link in sorted(program.routes.links.items()):
        yield ""
        yield "[[link]]"
        yield f"code = {_text(code)}"
        yield f"offer = {link.offer_id}"
        yield f"partner = {link.partner_id}"
        if link.status != "active":
            yield f"status = {_text(link.status)}"
        if link.landing_url:
            yield f"landing_url = {_text(link.landing_url)}"
        if link.subs:
            yield f"subs = {{ {', '.join(f'{name} = {_text(value)}' for name, value in link.subs)} }}"


def _plan(plan: Plan) -> Iterator[str]:
    yield ""
    yield "[[plan]]"
    yield f"offer = {plan.offer_id}"
    if plan.partner_id is not None:
        yield f"partner = {plan.partner_id}"
    if plan.goal is not None:
        yield f"goal = {_text(plan.goal)}"
    if plan.percent_e6 or not plan.fixed_currency:
        yield f"percent = {_text(format_percent(plan.percent_e6))}"
    if plan.fixed_currency:
        yield f"fixed = {_text(f'{format_minor(plan.fixed_minor, plan.fixed_currency)} {plan.fixed_currency}')}"
    if plan.hold_us:
        yield f"hold = {_text(format_duration(plan.hold_us))}"
    yield f"model = {_text(plan.model)}"
    if plan.click_window_us is not None:
        yield f"click_window = {_text(format_duration(plan.click_window_us))}"
    if plan.impression_window_us is not None:
        yield f"impression_window = {_text(format_duration(plan.impression_window_us))}"
    if plan.conversions_min is not None:
        yield f"conversions_min = {plan.conversions_min}"


def _coupon(coupon: Coupon) -> Iterator[str]:
    yield ""
    yield "[[coupon]]"
    yield f"code = {_text(coupon.code)}"
    yield f"partner = {coupon.partner_id}"
    yield f"offer = {coupon.offer_id}"
    for key, instant_us in (("from", coupon.from_us), ("to", coupon.to_us)):
        if instant_us is not None:
            yield f"{key} = {_text(format_instant(instant_us))}"


def format_percent(percent_e6: int) -> str:
    """Write a percentage × 10^6 as a decimal without needless zeros, such as "8.5"."""
    whole, rest = divmod(percent_e6, 10**6)
    return f"{whole}.{rest:06}".rstrip("0") if rest else str(whole)


def format_instant(instant_us: int) -> str:
    """Write µs since 1970 as an RFC 3339 timestamp."""
    return (_EPOCH + timedelta(microseconds=instant_us)).isoformat().replace("+00:00", "Z")


def _text(text: str) -> str:
    """Write a TOML string. JSON escapes the same characters in the same way, except one that needs none in JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(texts: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, texts))}]"
