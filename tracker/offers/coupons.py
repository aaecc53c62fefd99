"""Find the partner of a coupon code, or the reason why the code does not count."""

from typing import NamedTuple

from program.entries import Coupon, coupon_key
from schemas.reasons import Reason
from tracker.offers.program_index import ProgramIndex


class CouponResult(NamedTuple):
    """Coupon as stored with a conversion: the code as sent, and the partner or the reason."""

    code: str = ""
    partner_id: int = 0
    reason: str = ""


def find_coupon(program: ProgramIndex, code: str, offer_id: int, ts_us: int) -> CouponResult:
    """Return the coupon that counts for an offer at that time."""
    if not code:
        return CouponResult()
    known = program.terms.coupons.get(coupon_key(code), ())
    if not known:
        return CouponResult(code, 0, Reason.COUPON_UNKNOWN.value)
    of_offer = [coupon for coupon in known if coupon.offer_id == offer_id]
    if not of_offer:
        return CouponResult(code, 0, Reason.COUPON_NOT_OF_OFFER.value)
    valid = next((coupon for coupon in of_offer if coupon.covers(ts_us)), None)
    if valid is None:
        return CouponResult(code, 0, Reason.COUPON_EXPIRED.value)
    return CouponResult(code, valid.partner_id)


def offer_of_coupon(program: ProgramIndex, code: str, ts_us: int) -> int | None:
    """Return the only offer of a code, for conversions that name neither click nor offer; None if there are several."""
    known: tuple[Coupon, ...] = program.terms.coupons.get(coupon_key(code), ()) if code else ()
    offers = {coupon.offer_id for coupon in known if coupon.covers(ts_us)} or {coupon.offer_id for coupon in known}
    return offers.pop() if len(offers) == 1 else None
