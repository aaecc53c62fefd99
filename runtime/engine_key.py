"""Key with which the control plane asks an engine, and tokens made from it that open one partner's data only."""

import hmac
from hashlib import sha256
from pathlib import Path

from runtime.machine_key import find_machine_key, read_key
from runtime.settings import Settings
from runtime.user_error import UserError

TOKEN_AGE_MAX_S = 120
"""A token is made for one request; clocks of servers may differ by less than this."""
_PREFIX = "partner"


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


def partner_token(key: str, partner: int, now_s: int) -> str:
    """Make a token that opens the data of one partner for TOKEN_AGE_MAX_S."""
    content = f"{_PREFIX}.{partner}.{now_s + TOKEN_AGE_MAX_S}"
    return f"{content}.{_mac(key, content)}"


def partner_of_token(token: str, key: str, now_s: int) -> int | None:
    """Return the partner of a token; None if the token was not made with the key, or is out of date."""
    content, _, mac = token.rpartition(".")
    expected = _mac(key, content)
    if not hmac.compare_digest(mac.encode("utf-8", "surrogatepass"), expected.encode()):
        return None
    _, partner, until_s = content.split(".")
    return int(partner) if now_s <= int(until_s) <= now_s + 2 * TOKEN_AGE_MAX_S else None


def _mac(key: str, content: str) -> str:
    return hmac.new(key.encode(), content.encode("utf-8", "surrogatepass"), sha256).hexdigest()
