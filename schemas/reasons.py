"""Why a hit was not accepted, or a touch got nothing: closed lists, built on what the field uses.

docs/reasons.md is made from here.
"""

from enum import StrEnum
from typing import Self


class _Documented(StrEnum):
    """A word, and the sentence that explains it as the member's docstring."""

    def __new__(cls, value: str, doc: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.__doc__ = doc
        return member


class Reason(_Documented):
    """Reason of a rejected hit."""

    UNKNOWN_LINK = "unknown_link", "The program has no link with that code."
    INACTIVE_LINK = "inactive_link", "The link is switched off."
    UNKNOWN_OFFER = "unknown_offer", "The program has no offer with that number."
    INACTIVE_OFFER = "inactive_offer", "The offer is switched off."
    UNKNOWN_PARTNER = "unknown_partner", "The program has no partner with that number."
    INACTIVE_PARTNER = "inactive_partner", "The partner is switched off."
    DEEPLINK_NOT_ALLOWED = "deeplink_not_allowed", "The deep link's host is not on the offer's list."
    MALFORMED = "malformed", "A field is missing or cannot be read; `field` names it."
    ACCESS_DENIED = "access_denied", "The secret is missing or wrong."
    CLICK_ID_INVALID = "click_id_invalid", "The click id was not signed by this installation."
    CONFLICT = "conflict", "The same key came before with other content; `field` names what differs."
    STATUS_NOT_PENDING = "status_not_pending", "The status would move backward."
    REFUND_EXCEEDS_AMOUNT = "refund_exceeds_amount", "More than what remains of the conversion."
    CONVERSION_NOT_FOUND = "conversion_not_found", "There is no conversion with that key."
    TOO_LARGE = "too_large", "The request is over a size limit."


class NoCredit(_Documented):
    """Why a touch, or a whole conversion, got no credit."""

    NO_TOUCH = "no_touch", "No touch of the offer joins the conversion."
    OUTSIDE_WINDOW = "outside_window", "The touch is older than its window."
    OTHER_OFFER = "other_offer", "The touch that the conversion names is of another offer."
    AFTER_CONVERSION = "after_conversion", "The touch came after the conversion."
    BOT = "bot", "The touch was made by a bot."
    LOWER_PRECEDENCE = "lower_precedence", "A touch of higher precedence, or the named one, wins."
    NOT_LAST = "not_last", "A later touch of the same precedence wins."
    NOT_FIRST = "not_first", "An earlier touch wins."
    DIRECT = "direct", "A direct touch counts only where no other does."
    REPEATED_PARTNER = "repeated_partner", "The partner's part stands at its first touch."
    NO_SHARE = "no_share", "The model gives nothing to a touch at this place or age."
    PARTNER_INACTIVE = "partner_inactive", "The partner is switched off in the program that prices the conversion."
    USED = "used", "An earlier conversion has used the touch up, as the run was told to."
    DUPLICATE = "duplicate", "The touch is there twice; the other one counts."
    CLICK_PENDING = "click_pending", "The click's row is not there; its token alone is paid."


class Problem(_Documented):
    """What `clew problems` lists about a conversion; nothing is held up by it."""

    NO_PLAN = "no_plan", "A credited partner has no plan for the offer and goal, so it is paid nothing."
    ADJUSTMENT_IGNORED = "adjustment_ignored", "A refund's currency or decimals do not fit the conversion's."
    REFUNDS_EXCEED_AMOUNT = "refunds_exceed_amount", "Refunds that came before the conversion are more than its amount."
    CROWDED_IDENTITY = "crowded_identity", "Too many touches share the visitor or user id to be one person's."
    TOO_LARGE = "too_large", "The amount that the plan comes to is above the limit; nothing is paid."
    UNKNOWN_MODEL = "unknown_model", "The plan names a model that this Clew lacks; it pays nothing."
    PROGRAM_MISSING = "program_missing", "The program it was priced under is not in clew.programs."
    FAILED = "failed", "It could not be computed; the detail says why."
    ADJUSTMENT_ORPHAN = "adjustment_orphan", "The adjustment waits for a conversion that has not come."
