r"""Parse lines of an access log in the common and combined formats of Apache and nginx. Pure.

    [virtual host] address [address …] ident user [time] "request" status bytes ["referrer" "user agent" …]

The work for one line is linear in its length, whatever the line contains: every pattern is matched at one position
and does not backtrack.
"""

import re

from schemas.values.ip_addresses import canonical
from tracker.request.client_ip import is_trusted, networks_of

ACCESS_LOG_COLUMNS = (
    "host", "ident", "user", "time", "request", "status", "bytes", "referrer", "user_agent", "method", "path",
    "protocol", "vhost",
)  # fmt: skip
WORDS_MAX = 64
"""Words before the time: addresses of a list, and words of a user's name."""
NOT_A_LINE = "it is not a line of an access log in common or combined format"
_TIME = re.compile(r'\[([^\[\]"]{1,64})\] "')
_QUOTE = re.compile(r'(?:[^"\\]|\\.)*+"')
_AFTER_REQUEST = re.compile(r" (\d{3}|-) (\d{1,20}|-)(?= |$)")
_REST = re.compile(r'(?: +(?:"(?:[^"\\]|\\.)*+"|[^" ][^ ]*+))*+ *+')
_REST_PART = re.compile(r' +(?:"((?:[^"\\]|\\.)*+)"|[^" ][^ ]*+)')
_ADDRESS_CHARS_MAX = 64
"""More than any address with zone and port has."""
_NOBODY = frozenset({"", "-", "unknown"})
_BYTES = re.compile(r"(?:\\x[0-9a-fA-F]{2})++")
_INTERNAL = networks_of(
    (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "::1/128", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
"""Networks of proxies and private networks, skipped if a line has several addresses."""


def parse_line(text: str) -> dict[str, str] | str:
    """Return the values of a line by column, or a sentence that says why it cannot be read."""
    text = _without_outer_quotes(text)
    time = _TIME.search(text)
    if time is None:
        return NOT_A_LINE
    words = text[: time.start()].split(None, WORDS_MAX)
    if len(words) > WORDS_MAX:
        return f"has more than {WORDS_MAX} words before its time; {NOT_A_LINE}"
    sender = _read_sender(words)
    if isinstance(sender, str):
        return sender
    end = _request_end(text, time.end())
    if end is None:
        return NOT_A_LINE
    after = _AFTER_REQUEST.match(text, end + 1)
    if after is None:
        return NOT_A_LINE
    referrer, user_agent, forwarded = _read_rest(text[after.end() :])
    if (behind := _addresses(forwarded.replace(" ", ""))) and _is_internal(sender["host"]):
        sender["host"] = _client([[sender["host"]], behind])
    request = _unquoted(text[time.end() : end])
    values = sender | {
        "time": time.group(1), "request": request, "status": _unquoted(after.group(1)),
        "bytes": _unquoted(after.group(2)), "referrer": referrer, "user_agent": user_agent,
    }  # fmt: skip
    parts = request.split(" ")
    values["method"], values["path"], values["protocol"] = parts if len(parts) == 3 else ("", request, "")
    return values


def _without_outer_quotes(text: str) -> str:
    """Return the line without the quotes that an export to CSV puts around all of it."""
    if not (text.startswith('"') and text.endswith('"') and len(text) > 1):
        return text
    inner = text[1:-1]
    if '] ""' in inner:
        return inner.replace('""', '"')
    if '] \\"' in inner:
        return inner.replace('\\"', '"').replace("\\\\", "\\")
    return inner


def _request_end(text: str, start: int) -> int | None:
    """Return the index of the quote that ends the request: the first one followed by status and size."""
    while (quote := _QUOTE.match(text, start)) is not None:
        if _AFTER_REQUEST.match(text, quote.end()):
            return quote.end() - 1
        start = quote.end()
    return None


def _read_sender(words: list[str]) -> dict[str, str] | str:
    """Read the words before the time: a virtual host if there is one, addresses or a host name, ident, user."""
    words = _joined_lists(words)
    vhost, senders = "", []
    if len(words) > 3 and _addresses(words[1]) and (not _addresses(words[0]) or _is_vhost(words[0], words[1])):
        vhost = words.pop(0)
    for word in words[: len(words) - 2]:
        if not (addresses := _addresses(word)):
            break
        senders.append(addresses)
    words = words[len(senders) :]
    if senders:
        host = _client(senders)
        if not host:
            return "has two public addresses before its time; log one, or a list with commas, the visitor's first"
        if not vhost and len(words) > 2 and words[0] != "-" and words[1] == "-":
            vhost = words.pop(0)
    elif len(words) > 3 and words[1] != "-" and words[2] != "-":
        return f"has {len(words)} words before its time, and none of them is an address; {NOT_A_LINE}"
    elif len(words) > 2:
        vhost = words.pop(0) if len(words) > 3 and words[1] != "-" else ""
        host = _unquoted(words.pop(0))
    else:
        return NOT_A_LINE
    is_named = any(word not in ("-", '""') for word in words[1:])
    return {
        "host": host, "ident": _unquoted(words[0]), "user": _unquoted(" ".join(words[1:])) if is_named else "",
        "vhost": "" if vhost == "-" else vhost,
    }  # fmt: skip


def _joined_lists(words: list[str]) -> list[str]:
    """Return the words with lists such as "192.0.2.1, 198.51.100.2" as one word each."""
    joined: list[list[str]] = []
    for word in words:
        before = joined[-1][-1] if joined else ""
        if before.endswith(",") and (_addresses(before + ",") or before[:-1] in _NOBODY):
            joined[-1].append(word)
        else:
            joined.append([word])
    return ["".join(parts) for parts in joined]


def _addresses(word: str) -> list[str]:
    """Return the addresses of a word, which may be a list; none if one part is neither an address nor "unknown"."""
    parts = [part for part in word.split(",") if part not in _NOBODY]
    found = [canonical(part) if len(part) <= _ADDRESS_CHARS_MAX else "" for part in parts]
    return found if all(found) else []


def _is_vhost(word: str, following: str) -> bool:
    """Return whether an address with a port is the server's, since Apache writes `%v:%p %h`."""
    return ":" in word.rpartition("]")[2] and word.count(".") == 3 and "," not in word and ":" not in following


def _client(senders: list[list[str]]) -> str:
    """Return the visitor's address: the first public one of a list, or the only public one; "" if there are several.

    Proxies append their addresses to a list, and a private network adds its addresses before the public one.
    """
    lists = [addresses for addresses in senders if len(addresses) > 1]
    addresses = lists[0] if lists else [address for word in senders for address in word]
    public = [address for address in addresses if not is_trusted(address, _INTERNAL)]
    if not public:
        return addresses[0]
    return public[0] if lists or len(set(public)) == 1 else ""


def _is_internal(host: str) -> bool:
    address = canonical(host) if len(host) <= _ADDRESS_CHARS_MAX else ""
    return is_trusted(address, _INTERNAL)


def _read_rest(rest: str) -> tuple[str, str, str]:
    """Read referrer, user agent and X-Forwarded-For, the first three quoted values after the size of the answer."""
    if _REST.fullmatch(rest):
        parts = [(match.group().strip(), match.group(1)) for match in _REST_PART.finditer(rest)]
        values = [quoted for _, quoted in parts if quoted is not None]
        if len(values) < 2:  # some servers write a dash without quotes
            values = [quoted or "" for word, quoted in parts if quoted is not None or word == "-"]
        referrer, user_agent, forwarded = (*values, "", "", "")[:3]
        return _unquoted(referrer), _unquoted(user_agent), _unquoted(forwarded)
    # A quote inside a value was not escaped, or the server stopped before it wrote the last quote.
    begin = rest.find('"') + 1
    middle = rest.find('" "', begin)
    if middle < 0:
        return _unquoted(rest[begin:].removesuffix('"')), "", ""
    agent = rest[middle + 3 :]
    end = agent.rfind('"')
    return _unquoted(rest[begin:middle]), _unquoted(agent[:end] if end >= 0 else agent), ""


def _unquoted(value: str) -> str:
    r"""Return a logged value as it was sent: `-` is empty; \" \\ and, where they are UTF-8, \xhh are undone."""
    if value == "-":
        return ""
    if "\\" not in value:
        return value
    return _BYTES.sub(_bytes_text, value).replace('\\"', '"').replace("\\\\", "\\")


def _bytes_text(match: re.Match[str]) -> str:
    try:
        return bytes.fromhex(match.group().replace("\\x", "")).decode()
    except UnicodeDecodeError:
        return match.group()
