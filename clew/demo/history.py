"""Make 60 days of history for `clew demo`, as lines of /v1/events.

It has sessions of visitors over several partners, orders with later status changes and refunds, and some late
lines, as a warehouse would send them. The last journey is the one that the demo explains.
"""

import random
from typing import Any

from clew.demo.offers import OFFERS, DemoOffer
from clew.demo.partners import PARTNERS, DemoPartner
from clew.demo.program import link_code
from clew.demo.visitors import REFERRERS, Visitor, amount, visitors
from schemas.values.money import format_minor, parse_minor

Line = dict[str, Any]
DAYS = 60
EXPLAINED_ID = "demo-explained"
_MINUTE_US = 60_000_000
_HOUR_US = 60 * _MINUTE_US
_DAY_US = 24 * _HOUR_US
_LATE_SHARE = 0.03
_GROWTH = 1.3
"""More than 1: the program has more visitors each week."""
_COUPONS = {101: "HARBOR10", 105: "TRAILHEAD"}
_COUPON_SHARE = 0.08


def history(chance: random.Random, now_us: int, visitors_count: int) -> list[Line]:
    """Lines, roughly in the order of their times."""
    lines: list[Line] = []
    for visitor in visitors(chance, visitors_count):
        lines += _journey(chance, visitor, now_us)
    lines = [line for line in lines if line["ts"] <= now_us]
    # Some arrive late: an adjustment before its conversion, a conversion before its click.
    arrivals = [(line["ts"] + (_DAY_US if chance.random() < _LATE_SHARE else 0), line) for line in lines]
    arrivals += [(line["ts"], line) for line in _explained_journey(now_us)]
    return [line for _, line in sorted(arrivals, key=lambda arrival: arrival[0])]


def _journey(chance: random.Random, visitor: Visitor, now_us: int) -> list[Line]:
    ts = now_us - int(DAYS * _DAY_US * chance.random() ** _GROWTH) - _HOUR_US
    lines: list[Line] = []
    for number, partner in enumerate(visitor.partners):
        kind = "click" if chance.random() < partner.click_share else "impression"
        lines.append(_touch(chance, visitor, f"h{visitor.number}-{number}", kind, ts, partner))
        ts += int(
            _MINUTE_US if visitor.is_bot else (2 * _DAY_US if chance.random() < 0.3 else _HOUR_US) * chance.random()
        )
    if visitor.buys:
        lines += _order(chance, visitor, lines, ts + int(2 * _HOUR_US * chance.random()))
    return lines


def _touch(chance: random.Random, visitor: Visitor, ref: str, kind: str, ts: int, partner: DemoPartner) -> Line:
    line: Line = {
        "type": kind,
        "id": ref,
        "ts": ts,
        "link": link_code(partner, visitor.offer),
        "ip": visitor.ip,
        "user_agent": visitor.user_agent,
        "sub1": chance.choice(partner.placements),
        "sub2": f"creative-{chance.randint(1, 4)}",
        "referrer": chance.choice(REFERRERS),
    }
    if not visitor.is_bot:
        line["visitor_id"] = f"hv-{visitor.number}"
        if visitor.number % 3 == 0:  # a third are logged in
            line["user_id"] = f"customer-{visitor.number}"
    return {name: value for name, value in line.items() if value}


def _order(chance: random.Random, visitor: Visitor, touches: list[Line], ts: int) -> list[Line]:
    """Add an order, and its later status changes and refunds."""
    offer = visitor.offer
    clicks = [line["id"] for line in touches if line["type"] == "click"]
    status = chance.choices(("approved", "pending", "hold", "declined"), (70, 20, 5, 5))[0]
    line = _conversion(offer, f"o{visitor.number}", ts, amount(chance, offer), status)
    if clicks and chance.random() < 0.7:
        line["click_ref"] = clicks[-1]
    elif visitor.number % 3 == 0:
        line["user_id"] = f"customer-{visitor.number}"
    else:
        line["visitor_id"] = f"hv-{visitor.number}"
    if offer.id in _COUPONS and chance.random() < _COUPON_SHARE:
        line["coupon"] = _COUPONS[offer.id]
    lines = [line]
    later = ts + int(2 * _DAY_US * chance.random())
    if status == "pending" and chance.random() < 0.85:
        settled = "approved" if chance.random() < 0.75 else "declined"
        lines.append(_adjustment(line, "s", later, kind="status", status=settled))
    elif status == "approved" and offer.price_minor[1] and chance.random() < 0.12:
        whole = parse_minor(line["amount"], "USD")
        taken = format_minor(whole if chance.random() < 0.5 else whole // 2, "USD")
        lines.append(_adjustment(line, "r", later, kind="refund", amount=taken, reason="returned"))
    return lines


def _conversion(offer: DemoOffer, txn_id: str, ts: int, value: str, status: str) -> Line:
    line: Line = {
        "type": "conversion",
        "id": f"c-{txn_id}",
        "ts": ts,
        "offer_id": offer.id,
        "goal": offer.goal,
        "txn_id": txn_id,
        "status": status,
    }
    return line | ({"amount": value, "currency": "USD"} if value else {})


def _adjustment(order: Line, suffix: str, ts: int, **what: str) -> Line:
    key = {name: order[name] for name in ("offer_id", "goal", "txn_id")}
    return {"type": "adjustment", "id": f"{order['id']}-{suffix}", "ts": ts, **key, **what}


def _explained_journey(now_us: int) -> list[Line]:
    """Add a journey with four partners and a partial refund: a plan that splits the commission."""
    offer = OFFERS[1]
    display, mail, trail, coupon = PARTNERS[3], PARTNERS[2], PARTNERS[0], PARTNERS[1]
    steps = ((display, "impression", 120), (mail, "click", 76), (trail, "click", 30), (coupon, "click", 26))
    lines: list[Line] = [
        {
            "type": kind,
            "id": f"{EXPLAINED_ID}-{number}",
            "ts": now_us - hours * _HOUR_US,
            "link": link_code(partner, offer),
            "user_id": "customer-ada",
            "ip": "192.0.2.77",
            "sub1": partner.placements[0],
        }
        for number, (partner, kind, hours) in enumerate(steps)
    ]
    order = _conversion(offer, "order-ada", now_us - 25 * _HOUR_US, "249.90", "approved") | {"id": EXPLAINED_ID}
    refund = _adjustment(order, "r", now_us - 2 * _HOUR_US, kind="refund", amount="49.95", reason="a part was returned")
    return [*lines, order | {"user_id": "customer-ada"}, refund]
