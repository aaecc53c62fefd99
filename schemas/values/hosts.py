"""Hosts in ASCII as browsers read them: UTS 46 without transitional processing. Pure."""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address

import idna
from idna.core import check_bidi, check_initial_combiner, uts46_remap, valid_contextj

LABEL_CHARS_MAX = 63
HOST_CHARS_MAX = 253
_PREFIX = "xn--"
_LABEL = re.compile(r"[a-z0-9_-]+")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_CACHE_MAX = 4_096


@lru_cache(_CACHE_MAX)
def ascii_host(text: str) -> str:
    """Return the host in lower-case ASCII without a trailing dot; "" if no browser accepts it.

    A label of more than 63 characters, a broken `xn--` label and a number that is not an IPv4 address are refused.
    """
    try:
        host = text.lower() if text.isascii() else uts46_remap(text, std3_rules=False, transitional=False)
        labels = [_ascii_label(label) for label in host.removesuffix(".").split(".")]
    except (idna.IDNAError, UnicodeError, ValueError):
        return ""
    host = ".".join(labels)
    if len(host) > HOST_CHARS_MAX or (_NUMBER.fullmatch(labels[-1]) and not _is_ipv4(host)):
        return ""
    return host


def differs_from_idna2003(text: str) -> bool:
    """Return whether the host means another one than by the rules of 2003, which older software follows."""
    if text.isascii():
        return False
    try:
        return text.encode("idna").decode().lower() != ascii_host(text)
    except UnicodeError:
        return False


def _ascii_label(label: str) -> str:
    if not label.isascii():
        _check_unicode(label)
        label = _PREFIX + label.encode("punycode").decode()
    elif label.startswith(_PREFIX):
        decoded = label.removeprefix(_PREFIX).encode().decode("punycode")
        if decoded.isascii() or uts46_remap(decoded, std3_rules=False, transitional=False) != decoded:
            raise ValueError("the label is not in the form that it stands for")
        _check_unicode(decoded)
        if _PREFIX + decoded.encode("punycode").decode() != label:
            raise ValueError("the label is not encoded in its shortest form")
    if not _LABEL.fullmatch(label) or len(label) > LABEL_CHARS_MAX:
        raise ValueError("the label has other characters or too many")
    return label


def _check_unicode(label: str) -> None:
    """Check combining marks, joiners and directions. Raises IDNAError, ValueError."""
    check_initial_combiner(label)
    for index, char in enumerate(label):
        if char in "\u200c\u200d" and not valid_contextj(label, index):
            raise ValueError("a joiner is in the wrong place")
    check_bidi(label)


def _is_ipv4(host: str) -> bool:
    try:
        return str(IPv4Address(host)) == host
    except AddressValueError:
        return False
