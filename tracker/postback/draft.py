"""Context and draft of a postback: the values that its checks read and fill in."""

from collections.abc import Mapping

import msgspec

from schemas.fields import NO_TOKEN
from schemas.values.click_id import TokenKeys
from tracker.offers.coupons import CouponResult
from tracker.offers.program_index import IndexedOffer, ProgramIndex
from tracker.refusal import Refusal


class PostbackContext(msgspec.Struct, frozen=True):
    """Everything a decision needs besides the postback."""

    program: ProgramIndex
    keys: TokenKeys
    now: int
    sender_ip: str
    field_bytes_max: int
    custom_fields_max: int


class PostbackDraft:
    """Values that the checks have collected so far. Defaults are on the class: a draft costs one attribute."""

    offer: IndexedOffer | None = None
    click = NO_TOKEN
    partner_id = 0
    goal = ""
    txn_id = ""
    conversion_id = b""
    currency = ""
    status = ""
    coupon = CouponResult()
    amount_minor = 0
    refusal_if_new: Refusal | None = None
    """The answer if the key is new: what was sent can only repeat a conversion that is stored."""
    refund_id = ""
    reason = ""
    refund_e4 = 0

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = fields
        self.custom: dict[str, str] = {}
