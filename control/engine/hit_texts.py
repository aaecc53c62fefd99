"""Meanings of reasons and problems, and what is to be said about a postback that was read. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from schemas.reasons import Problem, Reason
from schemas.values.durations import format_duration

_AGES_S = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
_CODE = re.compile(r"`([^`]+)`")


def meaning(word: str, listed: type[Reason] | type[Problem]) -> tuple[str, str]:
    """Return what a reason or a problem means and what to do; empty for one of a later version."""
    found = next((member for member in listed if member.value == word), None)
    return ("", "") if found is None else (_plain(found.__doc__ or ""), _plain(found.fix))


def _plain(text: str) -> str:
    """Return a text of the reference without its marks of code."""
    return _CODE.sub(r"\1", text)


def mistakes_of(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return all that is wrong with a postback: field, reason, detail, fix."""
    return [_mistake(one) for one in found["mistakes"]]


def _mistake(one: Mapping[str, Any]) -> dict[str, str]:
    means, fix = meaning(one["reason"], Reason)
    detail = str(one["detail"]) or means
    return {
        "field": str(one["field"]), "detail": f"{detail[:1].upper()}{detail[1:]}",
        "reason": str(one["reason"]),
        "fix": "" if one["reason"] == Reason.MALFORMED or ";" in detail else fix,
    }  # fmt: skip


def notes_of(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a person should know although it is not a mistake: tone and text."""
    notes = []
    if (stored := found.get("stored")) is not None:
        state = f"{stored['amount']} {stored['currency']}, {stored['status']}"
        text = f"A conversion with this key is stored already ({state}). The same content again is a duplicate"
        notes.append(("info", f"{text}; another amount is refused; another status changes it."))
    elif found["topic"] == "adjustment" and found["conversion_id"]:
        notes.append(("warn", "No conversion has this key yet; the refund waits for it."))
    if (click := found.get("click")) is not None:
        notes += _click_notes(click)
    if found["coupon_reason"]:
        means, fix = meaning(found["coupon_reason"], Reason)
        notes.append(("warn", f"{means} The conversion counts without the coupon. {fix}"))
    return notes


def _click_notes(click: Mapping[str, Any]) -> list[tuple[str, str]]:
    age, notes = _age_text(click["age_s"]), []
    if not click["is_stored"]:
        notes.append(("info", "The click is signed by this installation and not stored yet; it counts all the same."))
    if not click["in_window"]:
        window = format_duration(click["window_s"] * 1_000_000)
        text = f"The click is {age} old, outside the offer's click window of {window}"
        notes.append(("warn", f"{text}: no partner is paid unless a plan has a longer one."))
    elif click["is_stored"]:
        link = f" through the link {click['link']}" if click["link"] else ""
        notes.append(("good", f"The click happened {age} ago{link}."))
    if click["is_bot"]:
        notes.append(("info", "The click looked like a bot's; it counts because the postback names it."))
    return notes


def _age_text(seconds: int) -> str:
    for size, noun in _AGES_S:
        if seconds >= size:
            number = seconds // size
            return f"{number} {noun}{'' if number == 1 else 's'}"
    return "less than a minute"
