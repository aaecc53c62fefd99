"""Encodings of text files: by their byte order mark, by a setting, or UTF-8."""

import codecs
from dataclasses import dataclass

ENCODINGS = {
    "utf-8": "utf-8-sig", "utf-16": "utf-16", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be",
    "windows-1250": "cp1250", "windows-1251": "cp1251", "windows-1252": "cp1252", "windows-1253": "cp1253",
    "windows-1254": "cp1254", "windows-1257": "cp1257", "iso-8859-1": "iso8859-1", "iso-8859-2": "iso8859-2",
    "iso-8859-15": "iso8859-15", "macintosh": "mac-roman", "cp437": "cp437", "cp850": "cp850",
    "shift_jis": "cp932", "gb18030": "gb18030", "big5": "big5", "euc-kr": "cp949",
}  # fmt: skip
"""Python's codec by the name that a setting may have."""
_OTHER_NAMES = {codecs.lookup(codec).name: name for name, codec in ENCODINGS.items()} | {"utf-8": "utf-8"}
HEAD_BYTES = 4_096
"""Bytes from the beginning of a file by which its encoding is found."""
BAD_BYTES = "clew.badbytes"
"""Error handler of codecs: each byte that cannot be decoded becomes a lone surrogate from U+DC00 to U+DCFF."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
)


class BadEncoding(ValueError):
    """Error for a file whose encoding is unknown or differs from the setting; the message names both."""


@dataclass(frozen=True, slots=True)
class TextEncoding:
    """Encoding of one file."""

    name: str
    codec: str
    is_known: bool
    """True if a byte order mark or a setting named it; otherwise UTF-8 is assumed."""


def encoding_name(text: str) -> str:
    """Return our name of an encoding; other common names such as latin1 or cp1252 are read too. Raises BadEncoding."""
    name = text.strip().lower()
    if name in ENCODINGS:
        return name
    try:
        return _OTHER_NAMES[codecs.lookup(name).name]
    except (LookupError, ValueError):
        raise BadEncoding(f"must be one of {', '.join(ENCODINGS)}") from None


def find_encoding(head: bytes, wanted: str = "") -> TextEncoding:
    """Return the encoding of a file that begins with `head`; `wanted` is the setting, if any. Raises BadEncoding."""
    for mark, name, codec in _MARKS:
        if head.startswith(mark):
            if wanted not in ("", name, "utf-16" if codec == "utf-16" else ""):
                raise BadEncoding(f"the file begins with the byte order mark of {name}, but encoding is {wanted}")
            return TextEncoding(name, codec, is_known=True)
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if wanted == "utf-16":
        wanted = "utf-16-be" if even > odd else "utf-16-le"
    if wanted:
        return TextEncoding(wanted, ENCODINGS[wanted], is_known=True)
    if 4 * max(even, odd) > len(head):
        name = "utf-16-le" if odd > even else "utf-16-be"
        raise BadEncoding(f"the file seems to be {name} without a byte order mark; set encoding to {name}")
    return TextEncoding("utf-8", "utf-8-sig", is_known=False)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(BAD_BYTES, _escape)
