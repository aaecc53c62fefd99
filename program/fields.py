"""Parsers of values in a program file: URLs, hosts, proxies, percentages, amounts, codes. All are pure.

Each parser raises BadValue with a sentence for the author of the file.
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from program.toml.tables import BadValue
from schemas.values.currencies import DECIMALS
from schemas.values.hosts import ascii_host
from schemas.values.model_names import BadModel, parse_model
from schemas.values.money import parse_minor

U32_MAX = 2**32 - 1
SUB_NAMES = tuple(f"sub{number}" for number in range(1, 31))
SUB_BYTES_MAX = 2_048
"""Longest default of a sub, in UTF-8 bytes; the edge cuts values of hits at this length unless a setting says less."""
MACROS = frozenset({"click_id", "offer_id", "partner_id", "link", "ip", "ts", *SUB_NAMES})
"""Names that a landing URL may have in braces (docs/contract.md, section 2)."""
LINK_CODE_CHARS_MAX = 128
GOAL_KEY_CHARS_MAX = 64
COUPON_CODE_CHARS_MAX = 128
PERCENT_MAX = 1_000
PERCENT_DECIMALS_MAX = 6

_MACRO = re.compile(r"\{([^{}]*)\}")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PERCENT = re.compile(rf"(\d{{1,4}})(?:\.(\d{{1,{PERCENT_DECIMALS_MAX}}}))?", re.ASCII)
_LINK_CODE = re.compile(rf"[A-Za-z0-9._~-]{{1,{LINK_CODE_CHARS_MAX}}}")
_FIXED = re.compile(r"(\S+) +([A-Z]{3})")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECRET = re.compile(r"[!-~]+")
_ENVIRONMENT = "env:"


def currency(text: str) -> str:
    if text not in DECIMALS:
        raise BadValue("must be an ISO 4217 currency code in capitals, for example USD")
    return text


def timezone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError):  # unknown; no such path; a folder such as "Europe"
        raise BadValue('must be an IANA time zone, for example "UTC" or "Europe/Berlin"') from None


def model(text: str) -> str:
    """Return the canonical text of a model."""
    try:
        return parse_model(text).text
    except BadModel as error:
        raise BadValue(str(error)) from None


def landing_url(text: str) -> str:
    """Check an http(s) URL whose host is fixed; known macros may follow the host."""
    _check_url(text)
    for name in _MACRO.findall(text):
        if name not in MACROS:
            raise BadValue(f"there is no macro {{{name}}}; the guide to program files lists all macros")
    if set("{}") & set(_MACRO.sub("", text)):
        raise BadValue("has a brace that is not part of a macro; write it as %7B or %7D")
    return text


def fallback_url(text: str) -> str:
    """Check an http(s) URL; empty means none."""
    if text:
        _check_url(text)
    if set("{}") & set(text):
        raise BadValue("must not contain macros: they have no values for a hit that is sent here")
    return text


def _check_url(text: str) -> None:
    if re.search(r"[\s\\]", text):
        raise BadValue("must not contain spaces or backslashes")
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise BadValue("is not a URL: its host or port cannot be read") from None
    if parts.scheme not in ("http", "https") or not host:
        raise BadValue("must be an http or https URL with a host")
    if set("{}") & set(parts.netloc):
        raise BadValue("must not have a macro in its host: visitors could be sent to a host that nobody allowed")
    if "@" in parts.netloc:
        raise BadValue("must not contain a user name or password")
    if not _is_host(host):
        raise BadValue("has a host that no browser accepts; check its labels and xn-- parts")
    if not host.isascii():
        raise BadValue(f"must have its host in ASCII; write {ascii_host(host)}")


def _is_host(host: str) -> bool:
    try:
        return bool(ascii_host(host)) or ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def host_pattern(text: str) -> str:
    """Return a host in lower-case ASCII, or `*.` and a host for all of its subdomains."""
    bare = text.removeprefix("*.")
    if "*" in bare:
        raise BadValue('may contain a star only as the first part, as in "*.shop.example"')
    host = ascii_host(bare)
    if not host or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise BadValue('must be a host that browsers accept, without scheme, port and path, as in "shop.example"')
    return f"*.{host}" if bare != text else host


def proxy(text: str) -> str:
    """Return an address or network in canonical form."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BadValue('must be an address or a network, for example "10.1.2.3" or "10.0.0.0/8"') from None
    raise BadValue(f'is an address inside a network; write "{network}" for the whole network')


def percent_e6(text: str) -> int:
    """Parse a percentage as an integer × 10^6."""
    match = _PERCENT.fullmatch(text)
    if match is None:
        raise BadValue(f'must be a percentage with at most {PERCENT_DECIMALS_MAX} decimals, for example "8.5"')
    e6 = int(match.group(1) + (match.group(2) or "").ljust(6, "0"))
    if e6 > PERCENT_MAX * 10**6:
        raise BadValue(f"must be at most {PERCENT_MAX} percent")
    return e6


def fixed(text: str) -> tuple[int, str]:
    """Parse a text such as "1.20 USD" into minor units and currency."""
    match = _FIXED.fullmatch(text)
    if match is None:
        raise BadValue('must be an amount and a currency, for example "1.20 USD"')
    return parse_minor(match.group(1), currency(match.group(2))), match.group(2)


def link_code(text: str) -> str:
    if _LINK_CODE.fullmatch(text) is None or not text.strip("."):
        raise BadValue(f"must be 1 to {LINK_CODE_CHARS_MAX} of the characters A-Z a-z 0-9 . _ ~ -")
    return text


def sub_default(text: str) -> str:
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        raise BadValue("must be a text that UTF-8 can encode") from None
    if length > SUB_BYTES_MAX:
        raise BadValue(f"must have at most {SUB_BYTES_MAX} bytes")
    return text


def goal_key(text: str) -> str:
    if len(text) > GOAL_KEY_CHARS_MAX:
        raise BadValue(f"must have at most {GOAL_KEY_CHARS_MAX} characters")
    return text


def coupon_code(text: str) -> str:
    code = text.strip()
    if len(code) > COUPON_CODE_CHARS_MAX:
        raise BadValue(f"must have at most {COUPON_CODE_CHARS_MAX} characters")
    return code


def instant_us(text: str) -> int:
    """Parse an RFC 3339 timestamp into µs since 1970."""
    try:
        when = datetime.fromisoformat(text.upper()) if _INSTANT.fullmatch(text) else None
    except ValueError:
        when = None
    if when is None:
        raise BadValue('must be a timestamp with an offset, for example "2026-03-01T00:00:00Z"')
    return (when - _EPOCH) // timedelta(microseconds=1)


def secret_reader(environment: Callable[[str], str | None]) -> Callable[[str], str]:
    """Build a parser of secrets: the text, or for `env:NAME` the environment variable. Errors never show the value."""

    def read(text: str) -> str:
        value: str | None = text
        if text.startswith(_ENVIRONMENT):
            name = text.removeprefix(_ENVIRONMENT)
            value = environment(name) if name else None
            if not value:
                raise BadValue(f"the environment variable {name or 'after env:'} is not set; set it where Clew runs")
        if value is None or _SECRET.fullmatch(value) is None:
            raise BadValue("must consist of printable ASCII characters without spaces, as URLs and headers require")
        return value

    return read
