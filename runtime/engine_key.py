"""Key with which the control plane asks an engine, and tokens made from it that open one partner's data only."""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from runtime.machine_key import find_machine_key, read_key
from runtime.settings import Settings
from runtime.user_error import UserError

TOKEN_AGE_MAX_S = 120
"""A token is made for one request; clocks of servers may differ by less than this."""
REVENUE, PROFIT = "revenue", "profit"
MONEY_SHOWN = frozenset({REVENUE, PROFIT})
"""Money that a token may open to a partner besides its own earnings."""
_PREFIX = "partner"


@dataclass(frozen=True, slots=True)
class PartnerToken:
    """Rights of the holder of a token."""

    partner: int
    shows: frozenset[str] = frozenset()
    """Some of MONEY_SHOWN."""


def find_engine_key(data: Path | None, settings: Settings) -> str | None:
    """Return the key of the setting, else one derived from the key of the machines; None without either.

    Raises UserError.
    """
    own, file = settings.engine.key, settings.engine.key_file
    if own is not None and file is not None:
        raise UserError("CLEW_ENGINE__KEY and CLEW_ENGINE__KEY_FILE are both set; unset one")
    if own is not None:
        return own
    if file is not None:
        return read_key(file)
    machines = find_machine_key(data, settings.follow)
    return _mac(machines, "key of the engine's API") if machines is not None else None


def partner_token(key: str, partner: int, now_s: int, shows: frozenset[str] = frozenset()) -> str:
    """Make a token that opens the data of one partner for TOKEN_AGE_MAX_S. `shows` is part of what the key signs."""
    parts = [_PREFIX, str(partner), str(now_s + TOKEN_AGE_MAX_S)]
    if shows:
        parts.append("+".join(sorted(shows)))
    content = ".".join(parts)
    return f"{content}.{_mac(key, content)}"


def read_partner_token(token: str, key: str, now_s: int) -> PartnerToken | None:
    """Return what a token opens; None if the token was not made with the key, or is out of date."""
    content, _, mac = token.rpartition(".")
    expected = _mac(key, content)
    if not hmac.compare_digest(mac.encode("utf-8", "surrogatepass"), expected.encode()):
        return None
    _, partner, until_s, *shows = content.split(".")
    if not now_s <= int(until_s) <= now_s + 2 * TOKEN_AGE_MAX_S:
        return None
    # A claim that this version does not know opens nothing.
    return PartnerToken(int(partner), MONEY_SHOWN & {word for text in shows for word in text.split("+")})


def _mac(key: str, content: str) -> str:
    return hmac.new(key.encode(), content.encode("utf-8", "surrogatepass"), sha256).hexdigest()
