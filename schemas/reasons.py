"""Reasons why a hit was not accepted, a touch got no credit, or a conversion has a problem: closed lists.

The words are the usual ones of affiliate networks. The reference of reasons is generated from this module.
"""

from enum import StrEnum
from typing import Self


class _Documented(StrEnum):
    """A word, with the sentence that explains it as the docstring of the member, and what to do about it."""

    fix: str

    def __new__(cls, value: str, doc: str, fix: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.__doc__ = doc
        member.fix = fix
        return member


class Reason(_Documented):
    """Reason why a hit was rejected."""

    UNKNOWN_LINK = (
        "unknown_link",
        "The program has no link with that code.",
        "Compare the code with the link in the console; create the link, or have the partner correct it.",
    )
    INACTIVE_LINK = (
        "inactive_link",
        "The link is inactive in the program.",
        "Activate the link, or give the partner another one.",
    )
    UNKNOWN_OFFER = (
        "unknown_offer",
        "The program has no offer with that number.",
        "Send the number of an existing offer; publish the offer if it is still a draft.",
    )
    INACTIVE_OFFER = (
        "inactive_offer",
        "The offer is inactive in the program.",
        "Activate the offer, or have partners remove its links.",
    )
    UNKNOWN_PARTNER = (
        "unknown_partner",
        "The program has no partner with that number.",
        "Send the number of an existing partner.",
    )
    INACTIVE_PARTNER = (
        "inactive_partner",
        "The partner is inactive in the program.",
        "Activate the partner if the traffic is wanted; otherwise nothing is to be done.",
    )
    DEEPLINK_NOT_ALLOWED = (
        "deeplink_not_allowed",
        "The deep link's host is not in allowed_hosts.",
        "Add the host to the offer's allowed hosts, or have the partner link to an allowed one.",
    )
    DEEPLINK_AMBIGUOUS = (
        "deeplink_ambiguous",
        "An unencoded & in `url` may belong to it or separate two parameters.",
        "Percent-encode the address in `url`: & becomes %26.",
    )
    MALFORMED = (
        "malformed",
        "A required field is missing, or a field cannot be read; `field` names it.",
        "Correct the field that is named; the postback tester shows how each field is read.",
    )
    ACCESS_DENIED = (
        "access_denied",
        "The secret is missing or wrong.",
        "Have the advertiser send the offer's postback secret as `secret`; make a new one if it is lost.",
    )
    CLICK_ID_INVALID = (
        "click_id_invalid",
        "The click id was not signed by this installation.",
        "Send the click_id of the landing URL back unchanged: check that the shop stores all 36 characters.",
    )
    CONFLICT = (
        "conflict",
        "The same key was received before with different content; `field` names the difference.",
        "Send one txn_id per order; change an amount by a refund, not by a second postback.",
    )
    STATUS_NOT_PENDING = (
        "status_not_pending",
        "The current status does not allow the new one.",
        "Send status changes in order; a declined conversion re-opens only if the offer allows it.",
    )
    COUPON_UNKNOWN = (
        "coupon_unknown",
        "The program has no coupon with that code.",
        "Create the coupon and publish it, or have the shop send the code as it is.",
    )
    COUPON_EXPIRED = (
        "coupon_expired",
        "The coupon was not valid at the time of the conversion.",
        "Extend the coupon's dates, or end it in the shop too.",
    )
    COUPON_NOT_OF_OFFER = (
        "coupon_not_of_offer",
        "The coupon belongs to another offer.",
        "Send the number of the coupon's own offer, or create the coupon for this offer.",
    )
    REFUND_EXCEEDS_AMOUNT = (
        "refund_exceeds_amount",
        "The refund is larger than what remains of the conversion.",
        "Leave the amount out to refund what remains, or send a smaller one.",
    )
    CONVERSION_NOT_FOUND = (
        "conversion_not_found",
        "No conversion has that key.",
        "Send the same offer, goal and txn_id as the conversion's postback.",
    )
    TOO_LARGE = (
        "too_large",
        "The request exceeds a size limit.",
        "Send fewer or shorter fields; the limits are in the settings of the tracker.",
    )


class NoCredit(_Documented):
    """Reason why a touch, or a whole conversion, got no credit."""

    NO_TOUCH = "no_touch", "No touch of the offer can be joined to the conversion."
    OUTSIDE_WINDOW = "outside_window", "The touch is older than its window."
    OTHER_OFFER = "other_offer", "The touch that the conversion names belongs to another offer."
    AFTER_CONVERSION = "after_conversion", "The touch happened after the conversion."
    BOT = "bot", "The touch was made by a bot."
    LOWER_PRECEDENCE = "lower_precedence", "A touch of higher precedence, or the one that the conversion names, wins."
    NOT_LAST = "not_last", "A later touch of the same precedence wins."
    NOT_FIRST = "not_first", "An earlier touch wins."
    DIRECT = "direct", "A direct touch counts only if no other touch does."
    REPEATED_PARTNER = "repeated_partner", "The partner's share is credited to its first touch."
    NO_SHARE = "no_share", "The model gives no credit to a touch in this position or of this age."
    PARTNER_INACTIVE = "partner_inactive", "The partner is inactive in the program that prices the conversion."
    USED = "used", "An earlier conversion has used the touch up; the run counts each touch once."
    DUPLICATE = "duplicate", "The touch is stored twice; only the other copy counts."
    CONFIRMED_BY_CONVERSION = (
        "confirmed_by_conversion",
        "A prefetch, HEAD request or bot; it counts because the conversion names it by its signed id.",
    )
    CLICK_PENDING = "click_pending", "The click has not been stored yet; its signed id alone is paid."


class Problem(_Documented):
    """Problem with a conversion, as `clew problems` lists it; it delays nothing else."""

    NO_PLAN = (
        "no_plan",
        "A credited partner has no plan for the offer and goal, so it is paid nothing.",
        "Create a plan for the offer and goal and publish it; it pays what comes later.",
    )
    ADJUSTMENT_IGNORED = (
        "adjustment_ignored",
        "A refund is ignored: its currency or decimals do not fit.",
        "Send the refund again in the conversion's currency, with its number of decimals.",
    )
    REFUNDS_EXCEED_AMOUNT = (
        "refunds_exceed_amount",
        "Refunds that arrived before the conversion exceed its amount.",
        "Check the refunds with the advertiser; the conversion counts as fully refunded.",
    )
    CROWDED_IDENTITY = (
        "crowded_identity",
        "Too many touches share a visitor or user id to be from one person.",
        "Have the advertiser send an id per person: a fixed visitor or user id joins strangers.",
    )
    TOO_LARGE = (
        "too_large",
        "The commission under the plan exceeds the limit; nothing is paid.",
        "Check the amount and the plan for a typing mistake.",
    )
    UNKNOWN_MODEL = (
        "unknown_model",
        "The plan names a model that this version of Clew lacks; it pays nothing.",
        "Upgrade all processes to the same version, or publish a plan with a model that this one has.",
    )
    PROGRAM_MISSING = (
        "program_missing",
        "The program that priced the conversion is not in clew.programs.",
        "Restore clew.programs from a backup, then run `clew repair`.",
    )
    FAILED = (
        "failed",
        "The conversion could not be computed; the detail says why.",
        "Read the detail; run `clew audit`, and report it if the cause is not in the data.",
    )
    ADJUSTMENT_ORPHAN = (
        "adjustment_orphan",
        "The adjustment waits for a conversion that has not arrived.",
        "Compare offer, goal and txn_id of the adjustment with the conversion, or send the conversion.",
    )
