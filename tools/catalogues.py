"""Catalogues of translations: texts are taken from templates and Python files, and compiled for Django.

`python -m tools.catalogues update` adds new texts to control/locale/LANGUAGE/LC_MESSAGES/django.po and drops those that
no file has. `compile` writes the .mo files beside them, which are not committed; `make setup` does it. Babel reads and
writes the files, so GNU gettext is not needed.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
LOCALE = ROOT / "control" / "locale"
LANGUAGES = ("ar", "de", "es", "fr")
_KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy")),
    **dict.fromkeys(("pgettext", "pgettext_lazy", "npgettext", "npgettext_lazy")),
}
_WIDTH = 120
_ENGLISH_FOLDERS = ("guide", "console")
"""Folders of templates that are English for everybody."""
_CONSOLE_LINK = '{% url "console_'
"""Mark of a part of a page that only the console includes."""
_EXTENDS = re.compile(r'{% extends "([^"]+)" %}')


def templates() -> Iterator[Path]:
    """Yield the templates that partners and applicants may see: all except those of the console."""
    for path in sorted((ROOT / "control").glob("*/templates/**/*")):
        if path.suffix in (".html", ".txt") and not _is_english(path):
            yield path


@cache
def _is_english(path: Path) -> bool:
    if any(part in _ENGLISH_FOLDERS for part in path.parent.parts) or path.name == "console.html":
        return True
    source = path.read_text("utf-8")
    found = _EXTENDS.search(source)
    if found is None:
        return _CONSOLE_LINK in source
    if found[1] == "layouts/console.html":
        return True
    bases = (base for base in (ROOT / "control").glob(f"*/templates/{found[1]}") if base != path)
    return any(map(_is_english, bases))


def python_files() -> Iterator[Path]:
    """Yield the Python files that may mark texts."""
    for path in sorted((ROOT / "control").rglob("*.py")):
        if "migrations" not in path.parts:
            yield path


def extracted() -> Catalog:
    """Return all marked texts, each with the files that have it."""
    from django.utils.translation.template import templatize

    catalog = Catalog(project="Clew", charset="utf-8")
    for path in (*templates(), *python_files()):
        source = path.read_text("utf-8")
        if path.suffix != ".py":
            source = templatize(source, origin=str(path))
        elif "gettext" not in source:
            continue
        for _line, function, messages, _comments in extract_python(
            BytesIO(source.encode()), dict.fromkeys(_KEYWORDS), [], {"encoding": "utf-8"}
        ):
            _add(catalog, str(function), messages, path)
    return catalog


def _add(catalog: Catalog, function: str, messages: object, path: Path) -> None:
    parts = [str(part) for part in messages] if isinstance(messages, tuple | list) else [str(messages)]
    context = parts.pop(0) if "pgettext" in function else None
    texts = (parts[0], parts[1]) if "ngettext" in function or "npgettext" in function else parts[0]
    if parts[0]:
        catalog.add(texts, locations=[(str(path.relative_to(ROOT)), 0)], context=context)


def path_of(language: str) -> Path:
    """Return the file of a catalogue."""
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def stored(language: str) -> Catalog:
    """Return a catalogue as it is in the repository."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, project="Clew", charset="utf-8", fuzzy=False)
    return read_po(StringIO(path.read_text("utf-8")), locale=language)


def update() -> None:
    """Add new texts to each catalogue, and drop those that no file has."""
    template = extracted()
    for language in LANGUAGES:
        catalog = stored(language)
        catalog.update(template, no_fuzzy_matching=True, keep_user_comments=True)
        catalog.obsolete.clear()
        write(language, catalog)


def write(language: str, catalog: Catalog) -> None:
    """Write a catalogue, in the order of its texts."""
    catalog.fuzzy = False
    content = BytesIO()
    write_po(
        content, catalog, width=_WIDTH, no_location=True, omit_header=False, sort_output=True, ignore_obsolete=True
    )
    text = re.sub(
        r'^"(POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Generated-By|Report-Msgid).*\n',
        "",
        content.getvalue().decode(),
        flags=re.MULTILINE,
    )
    text = text[text.index('msgid ""') :]
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def compile_all() -> None:
    """Write the compiled form of each catalogue that has changed."""
    for language in LANGUAGES:
        source, target = path_of(language), path_of(language).with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime_ns < source.stat().st_mtime_ns:
            content = BytesIO()
            write_mo(content, stored(language))
            target.write_bytes(content.getvalue())
        target.touch()


def main() -> None:
    """Run one of the commands."""
    commands = {"update": update, "compile": compile_all}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit("python -m tools.catalogues update|compile")
    commands[sys.argv[1]]()


if __name__ == "__main__":
    main()
