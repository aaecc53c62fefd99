"""Texts that partners and applicants see are marked, and translated in each catalogue with the same placeholders."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from django.template.base import Lexer, TokenType
from django.utils import translation

from tools import catalogues

PLACEHOLDERS = re.compile(r"%\((\w+)\)[sd]|%[sd]|\{(\w*)\}")
TAGS = re.compile(r"</?\w+")
WORD = re.compile(r"[A-Za-z]{2,}")
NAMES = {"Clew", "UTC", "CSV", "XLSX", "JavaScript", "PDF", "QR", "URL"}
"""Words that are the same in every language."""
READ_ALOUD = {"aria-label", "title", "placeholder", "alt", "aria-description"}
TEXT_ARGUMENTS = {"text", "title", "label", "hint", "lead", "summary", "note", "placeholder", "action_text"}
CLASSES = re.compile(r"\bcl-[\w-]+")
NOT_HTML = {"script", "style", "code", "svg"}
MESSAGES = {"success", "error", "info", "warning"}
PYTHON = ("label", "help_text")


def _marked() -> dict[tuple[str, object], Message]:
    return {(message.context or "", message.id): message for message in catalogues.extracted() if message.id}


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_every_marked_text_is_translated(language: str) -> None:
    catalog = catalogues.stored(language)
    missing = []
    for (context, key), message in _marked().items():
        found = catalog.get(key[0] if isinstance(key, tuple) else key, context or None)  # type: ignore[arg-type]
        texts = [] if found is None else found.string if isinstance(found.string, list | tuple) else [found.string]
        if found is None or found.fuzzy or not texts or not all(texts):
            missing.append(f"{message.locations[0][0]}: {key}")
    assert missing == [], f"run `make texts`, then translate in control/locale/{language}"


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_a_catalogue_has_no_text_that_no_file_has(language: str) -> None:
    marked = _marked()
    assert [m.id for m in catalogues.stored(language) if m.id and (m.context or "", m.id) not in marked] == []


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_translations_have_the_placeholders_and_elements_of_the_source(language: str) -> None:
    wrong = []
    for message in catalogues.stored(language):
        if not message.id:
            continue
        sources = message.id if isinstance(message.id, tuple) else (message.id,)
        texts = message.string if isinstance(message.string, list | tuple) else (message.string,)
        for one in texts:
            text = str(one or sources[-1])
            if _places(text) != _places(str(sources[-1])) or TAGS.findall(text) != TAGS.findall(str(sources[-1])):
                wrong.append(text)
    assert wrong == []


def _places(text: str) -> list[str]:
    return sorted(found[0] for found in PLACEHOLDERS.finditer(text))


class _Texts(HTMLParser):
    """Collects what a reader sees or hears of a template without its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in NOT_HTML
        self.found += [value or "" for name, value in attrs if name in READ_ALOUD]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in NOT_HTML

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


def _unmarked(source: str, is_html: bool) -> Iterator[str]:
    """Yield the texts of a template that are in no translate tag."""
    pieces, is_marked, is_comment = [], False, False
    for token in Lexer(source).tokenize():
        word = token.contents.split(" ")[0] if token.token_type == TokenType.BLOCK else ""
        is_comment = word == "comment" or (is_comment and word != "endcomment")
        is_marked = word in ("blocktranslate", "blocktrans") or (
            is_marked and word not in ("endblocktranslate", "endblocktrans")
        )
        if token.token_type == TokenType.TEXT and not is_marked and not is_comment:
            pieces.append(token.contents)
        elif word in ("ui", "uiblock") and not is_comment:
            arguments = re.findall(r'(\w+)="([^"]*)"', token.contents)
            yield from (text for name, text in arguments if name in TEXT_ARGUMENTS and _is_text(text))
    if is_html:
        parser = _Texts()
        parser.feed("".join(pieces))
        yield from (text.strip() for text in parser.found if _is_text(text))
    else:
        yield from (piece.strip() for piece in pieces if _is_text(piece))


def _is_text(text: str) -> bool:
    return bool(set(WORD.findall(CLASSES.sub("", text))) - NAMES)


def test_every_text_of_a_template_is_marked() -> None:
    found = []
    for path in catalogues.templates():
        unmarked = _unmarked(path.read_text("utf-8"), path.suffix == ".html")
        found += [f"{path.relative_to(catalogues.ROOT)}: {text}" for text in unmarked]
    assert found == [], "put them into {% translate %}, {% blocktranslate %} or _()"


def test_unmarked_texts_of_templates_are_found() -> None:
    source = (
        '<h1 title="A hint">Text {{ x }}</h1>{% ui "card" title="Card" icon="x" %}{% blocktranslate %}in order{% '
        'endblocktranslate %}{% comment %}no text{% endcomment %}<p aria-label="{% translate "fine" %}">…</p>'
    )
    assert sorted(_unmarked(source, True)) == ["A hint", "Card", "Text"]


def _python_texts(tree: ast.AST) -> Iterator[str]:
    """Yield the labels, helps and messages of a file that are plain texts."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        values = [keyword.value for keyword in node.keywords if keyword.arg in PYTHON]
        if isinstance(node.func, ast.Attribute) and node.func.attr in MESSAGES and len(node.args) > 1:
            values.append(node.args[1])
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and _is_text(value.value):
                yield value.value
            elif isinstance(value, ast.JoinedStr):
                fixed = [part.value for part in value.values if isinstance(part, ast.Constant)]
                yield from (str(text) for text in fixed if _is_text(str(text)))


def _page_files() -> Iterator[Path]:
    """Yield the Python files of pages for partners and applicants."""
    for path in catalogues.python_files():
        folder = path.relative_to(catalogues.ROOT / "control").parts[0]
        is_own = folder == "accounts" and path.name in ("forms.py", "views.py")
        if is_own or folder == "portal" or path.stem.startswith(("portal", "apply", "public")):
            yield path


def test_texts_of_forms_and_messages_are_marked() -> None:
    found = []
    for path in _page_files():
        texts = _python_texts(ast.parse(path.read_text("utf-8")))
        found += [f"{path.relative_to(catalogues.ROOT)}: {text}" for text in texts]
    assert found == []


def test_compiled_catalogues_are_used() -> None:
    catalogues.compile_all()
    for language, text in (("de", "Speichern"), ("es", "Guardar"), ("fr", "Enregistrer"), ("ar", "حفظ")):
        with translation.override(language):
            assert translation.gettext("Save") == text
