"""PDF of an accepted contract, by typst. It is imported here only, because it is 80 MiB."""

from collections.abc import Iterator
from datetime import datetime

from markdown_it import MarkdownIt
from markdown_it.token import Token

_SETUP = '#set page(paper: "a4", margin: 2.5cm, numbering: "1")\n#set text(size: 10.5pt)\n#set par(justify: true)\n'
_OPEN = {"strong_open": "#strong[", "em_open": "#emph[", "s_open": "#strike["}
_CLOSE = {"strong_close": "]", "em_close": "]", "s_close": "]", "link_close": "]"}

_SPECIAL = frozenset('"\\')


def pdf_of(text: str, facts: list[tuple[str, str]], at: datetime) -> bytes:
    """Return the text and the facts of its acceptance as a PDF; the same input gives the same bytes."""
    import typst

    tokens = MarkdownIt("commonmark", {"html": False}).parse(text)
    lines = "".join(f"#text({_text(name)}): #raw({_text(value)})\\\n" for name, value in facts)
    source = f"{_SETUP}{''.join(_blocks(tokens))}\n#line(length: 100%)\n{lines}"
    made = typst.compile(source.encode(), format="pdf", timestamp=int(at.timestamp()))
    assert isinstance(made, bytes)
    return made


def _text(text: str) -> str:
    """Return a text as a literal, in which nothing is mark-up."""
    return f'"{"".join(map(_character, text))}"'


def _character(char: str) -> str:
    return f"\\u{{{ord(char):x}}}" if char in _SPECIAL or not char.isprintable() else char


def _blocks(tokens: list[Token]) -> Iterator[str]:
    lists: list[str] = []
    for token in tokens:
        if token.type == "heading_open":
            yield f"\n#heading(level: {token.tag[1:]}, outlined: false)["
        elif token.type == "heading_close":
            yield "]\n"
        elif token.type == "inline":
            yield "".join(_inline(token.children or []))
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append("list" if token.type == "bullet_list_open" else "enum")
            yield f"\n#{lists[-1]}("
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
            yield ")\n"
        elif token.type == "list_item_open":
            yield "["
        elif token.type == "list_item_close":
            yield "],"
        elif token.type in ("fence", "code_block"):
            yield f"\n#raw({_text(token.content)}, block: true)\n"
        elif token.type == "hr":
            yield "\n#line(length: 100%)\n"
        elif token.type == "paragraph_close":
            yield "\n\n"


def _inline(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "text":
            yield f"#text({_text(token.content)})"
        elif token.type == "code_inline":
            yield f"#raw({_text(token.content)})"
        elif token.type == "hardbreak":
            yield "\\\n"
        elif token.type == "softbreak":
            yield " "
        elif token.type == "link_open":
            yield f"#link({_text(str(token.attrs.get('href', '')) or '#')})["
        else:
            yield _OPEN.get(token.type, "") or _CLOSE.get(token.type, "")
