"""Markdown of mails: to HTML with the styles in place, which mail clients need, and to plain text.

HTML in the source is text. Values are escaped before they enter the source, so a name cannot add a link.
"""

import re
from collections.abc import Iterator, Sequence

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

BRAND = "#3454d1"
_STYLES = {
    "p": "margin:0 0 16px",
    "h1": "margin:0 0 16px;font-size:22px;line-height:28px;font-weight:600",
    "h2": "margin:24px 0 12px;font-size:18px;line-height:24px;font-weight:600",
    "h3": "margin:24px 0 12px;font-size:16px;line-height:24px;font-weight:600",
    "ul": "margin:0 0 16px;padding-inline-start:24px",
    "ol": "margin:0 0 16px;padding-inline-start:24px",
    "li": "margin:0 0 4px",
    "blockquote": "margin:0 0 16px;padding-inline-start:12px;border-inline-start:3px solid #cdd3dc;color:#4d586b",
    "a": f"color:{BRAND}",
    "code": "font-family:monospace;font-size:18px;letter-spacing:1px",
    "hr": "margin:24px 0;border:0;border-top:1px solid #e4e7ec",
}
_BUTTON = (
    f"display:inline-block;padding:10px 20px;border-radius:8px;background-color:{BRAND};color:#ffffff;"
    "font-weight:600;text-decoration:none"
)
_STYLE_NAMES = {part.split(":")[0] for style in (*_STYLES.values(), _BUTTON) for part in style.split(";")}
_TAGS = {*_STYLES, "strong", "em", "br"}
_URL = re.compile(r"https?://[^\s<>]+")
_ANYWHERE = re.compile(r"[\\`*\[\]()<>&!~|]|(?<![^\W_])_|_(?![^\W_])")
_LINE_START = re.compile(r"^[ \t]*(?:(\d+)\.|([-+=#]))?", re.MULTILINE)

_OFF = ["image", "html_block", "html_inline", "code"]
_parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(_OFF)


def escaped(value: str) -> str:
    """Return Markdown that reads as the text itself, line by line."""
    return _LINE_START.sub(_escaped_start, _ANYWHERE.sub(r"\\\g<0>", value))


def _escaped_start(found: re.Match[str]) -> str:
    number, mark = found.groups()
    return f"{number}\\." if number else f"\\{mark}" if mark else ""


def html_of(source: str) -> str:
    """Return the HTML of a text, with styles for mail clients and nothing that does not belong into a mail."""
    tokens = _parsed(source)
    for token in _all(tokens):
        if token.nesting >= 0 and token.tag in _STYLES and "style" not in token.attrs:
            token.attrSet("style", _STYLES[token.tag])
    rendered = _parser.renderer.render(tokens, _parser.options, {})
    return nh3.clean(
        rendered, tags=_TAGS, attributes={tag: {"style", "href"} if tag == "a" else {"style"} for tag in _TAGS},
        url_schemes={"http", "https", "mailto"}, filter_style_properties=_STYLE_NAMES, link_rel=None,
    ).strip()  # fmt: skip


def page_html_of(source: str) -> str:
    """Return the HTML of a text without styles, for a page: its policy takes no inline styles."""
    attributes = {tag: {"href"} for tag in _TAGS if tag == "a"}
    return nh3.clean(
        html_of(source), tags=_TAGS, attributes=attributes, url_schemes={"http", "https", "mailto"}, link_rel=None
    ).strip()  # fmt: skip


def text_of(source: str) -> str:
    """Return the plain text of a text: links as their addresses, no marks."""
    blocks: list[str] = []
    lists: list[int | None] = []
    first, is_first = "", True
    for token in _parsed(source):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append(int(token.attrGet("start") or 1) if token.type == "ordered_list_open" else None)
            is_first = len(lists) == 1
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "list_item_open":
            number = lists[-1]
            first = "- " if number is None else f"{number}. "
            lists[-1] = None if number is None else number + 1
        elif token.type in ("inline", "fence", "code_block"):
            content = token.content.rstrip() if token.type != "inline" else "".join(_inline(token.children or []))
            indent = "  " * (len(lists) - 1)
            line = f"{indent}{first}" + content.replace("\n", "\n" + indent + " " * len(first))
            if first and not is_first:
                blocks[-1] += f"\n{line}"
            else:
                blocks.append(line)
            first, is_first = "", False
        elif token.type == "hr":
            blocks.append("---")
    return "\n\n".join(blocks) + "\n"


def _parsed(source: str) -> list[Token]:
    """Parse a text; a paragraph that is only a link is a button, and one that is only an address a link."""
    tokens = _parser.parse(source)
    for token in tokens:
        children = token.children or []
        if token.type != "inline":
            continue
        if len(children) == 1 and _URL.fullmatch(children[0].content):
            link = Token("link_open", "a", 1, attrs={"href": children[0].content})
            token.children = [link, children[0], Token("link_close", "a", -1)]
        elif len(children) == 3 and children[0].type == "link_open":
            children[0].attrSet("style", _BUTTON)
    return tokens


def _inline(children: Sequence[Token]) -> Iterator[str]:
    """Yield the plain text of a line."""
    label: list[str] = []
    address = ""
    is_alone = len(children) == 3
    for child in children:
        if child.type == "link_open":
            address, label = str(child.attrGet("href") or ""), []
        elif child.type == "link_close":
            words, address_text = "".join(label), address.removeprefix("mailto:")
            plain = words in (address, address_text)
            yield address_text if plain else f"{words}: {address}" if is_alone else f"{words} ({address})"
            address = ""
        else:
            words = "\n" if child.type in ("softbreak", "hardbreak") else child.content
            if address:
                label.append(words)
            else:
                yield words


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or []
