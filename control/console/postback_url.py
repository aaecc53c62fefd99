"""Postback URL of an offer for an advertiser's server. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from control.engine.postback_text import PATH

_CLICK_ID_PARAMETER = re.compile(r"[?&]([^=&#]+)=\{click_id\}")


@dataclass(frozen=True, slots=True)
class Macro:
    """Parameter of a postback URL, and what the advertiser's server puts in its place."""

    name: str
    placeholder: str
    meaning: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class PostbackUrl:
    """Postback URL of one goal of an offer."""

    url: str
    macros: Sequence[Macro]


def postback_url(tracking_url: str, landing_url: str, goal: str, currency: str, *, has_secret: bool) -> PostbackUrl:
    """Return the URL for the advertiser's server, with placeholders in braces."""
    found = _CLICK_ID_PARAMETER.search(landing_url)
    source = f"the value of {found.group(1)} in the landing URL" if found else "the click_id of the landing URL"
    macros = [
        Macro("click_id", "{click_id}", f"{source}, unchanged: 36 characters", required=True),
        Macro("txn_id", "{order_id}", "the order number; a repeat with the same one counts once"),
        Macro("amount", "{amount}", "the value of the order, with a point: 12.50"),
        Macro("currency", currency, f"ISO 4217 code of the amount; {currency} without it"),
        Macro("status", "approved", "approved, pending, hold or declined; approved without it"),
    ]
    if goal != "1":
        macros.insert(1, Macro("goal", goal, "the key of the goal", required=True))
    if has_secret:
        macros.append(Macro("secret", "{secret}", "the offer's postback secret", required=True))
    query = "&".join(f"{macro.name}={quote(macro.placeholder, safe='{}')}" for macro in macros)
    return PostbackUrl(f"{tracking_url}{PATH}?{query}", macros)
