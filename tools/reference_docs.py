"""Write the generated references: events, tables, settings, metrics, reasons.

Run it with `python -m tools.reference_docs`. The text depends only on the definitions; a test compares it with
the files.
"""

import inspect
import re
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ingest.bots import BOT_BITS, BOT_REASONS
from runtime.metrics import COUNTERS, GAUGES, HISTOGRAMS
from runtime.settings import PREFIX, Settings
from schemas.columns import Column, columns_of, columns_of_struct
from schemas.ddl import ANALYST, DATABASE, views
from schemas.events import STRUCT_OF, TOPIC_OF, Kind
from schemas.reasons import NoCredit, Problem, Reason
from schemas.tables import TABLES
from schemas.wire import WIRE_VERSION

ROOT = Path(__file__).resolve().parent.parent
_GENERATED = "Written by `make docs` out of {}; change it there.\n"


def render() -> dict[str, str]:
    """Return path and Markdown of every generated page."""
    return {
        "docs/reference/events.md": _events(),
        "docs/reference/tables.md": _tables(),
        "docs/reference/settings.md": _settings(),
        "docs/reference/metrics.md": _metrics(),
        "docs/reference/reasons.md": _reasons(),
    }


def main() -> None:
    """Write every page, and print the paths."""
    for path, text in render().items():
        file = ROOT / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        sys.stdout.write(f"{path}\n")


def _page(title: str, source: str, *parts: str) -> str:
    return "\n".join([f"# {title}\n", _GENERATED.format(source), *parts])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _doc(thing: object) -> str:
    """Return the first paragraph of a docstring."""
    return (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ")


# ---------------------------------------------------------------------------------------------- events


def _events() -> str:
    by_struct: dict[type[msgspec.Struct], list[Kind]] = {}
    for kind, struct in STRUCT_OF.items():
        by_struct.setdefault(struct, []).append(kind)
    intro = (
        f"What edges write and the log keeps. A record is the schema version (now {WIRE_VERSION}), the kind, and a\n"
        "MessagePack array of the fields in this order. Fields are only appended; a missing one has its default.\n"
        "Privacy: `personal` data names a person, a `pseudonym` needs other data to.\n"
    )
    return _page("Events", "schemas/events.py", intro, *(_event(s, kinds) for s, kinds in by_struct.items()))


def _event(struct: type[msgspec.Struct], kinds: list[Kind]) -> str:
    told = ", ".join(f"kind {int(kind)} is {_code(kind.name.lower())}" for kind in kinds)
    topics = sorted({TOPIC_OF[kind] for kind in kinds})
    rows = [
        (
            _code(column.name),
            _default(struct, column.name),
            column.clickhouse,
            column.unit,
            _privacy(column),
            column.doc,
        )
        for column in columns_of_struct(struct)
    ]
    table = _table(("Field", "Default", "Type", "Unit", "Privacy", "What it is"), rows)
    return f"## {struct.__name__}\n\n{_doc(struct)} On topic {_code(topics[0])}; {told}.\n\n{table}"


def _default(struct: type[msgspec.Struct], name: str) -> str:
    field = next(field for field in msgspec.structs.fields(struct) if field.name == name)
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return "zeros" if isinstance(value, bytes) and value else _code(str(value)) or "empty"


def _privacy(column: Column) -> str:
    return "" if column.privacy == "none" else column.privacy


# ---------------------------------------------------------------------------------------------- tables


def _tables() -> str:
    intro = (
        f"Database `{ANALYST}` is for analysts and the default of `clew sql`: ids as they were issued, amounts as\n"
        f"exact decimals, the present state. Database `{DATABASE}` holds the rows, which are only ever appended.\n"
    )
    view_parts = [f"## Views of `{ANALYST}`\n", *(_view(name) for name in views())]
    base_parts = [f"## Tables of `{DATABASE}`\n", *(_base(table.name) for table in TABLES)]
    return _page("Tables", "schemas/tables.py and schemas/ddl.py", intro, *view_parts, *base_parts)


def _base(name: str) -> str:
    table = next(table for table in TABLES if table.name == name)
    month = f", in parts by `{table.partition_by}`" if table.partition_by else ""
    rows = [(_code(c.name), c.clickhouse, c.unit, _privacy(c), c.doc) for c in columns_of(name)]
    columns = _table(("Column", "Type", "Unit", "Privacy", "What it is"), rows)
    return f"### {DATABASE}.{name}\n\n{table.doc} Sorted by `{table.order_by}`{month}.\n\n{columns}"


def _view(name: str) -> str:
    rows = [(_code(column), kind, doc) for column, kind, doc in view_columns(name) if column not in _ALIKE]
    table = next(table for table in TABLES if table.name == name)
    return f"### {ANALYST}.{name}\n\n{table.doc}\n\n{_table(('Column', 'Type', 'What it is'), rows)}"


_SELECTED = re.compile(r" AS (\w+),?$", re.MULTILINE)
_ALIKE = {f"sub{n}" for n in range(2, 31)}
_OWN_WORDS = {
    ("clicks", "sub1"): "What the partner sent; sub2 to sub30 alike.",
    ("impressions", "sub1"): "What the partner sent; sub2 to sub30 alike.",
    ("conversions", "status"): "Status as of now: the furthest one seen.",
    ("conversions", "refunded"): "Refunds and chargebacks as of now, at most the amount.",
    ("credits", "weight"): "Part of the conversion; the weights of a model add up to 1.",
    ("commissions", "status"): "pending, held, payable or reversed, as of now.",
}
_DECIMALS = {"_minor": "Decimal(38, 4)", "_e4": "Decimal(38, 4)", "_e12": "Decimal(38, 12)"}
_IDS = {"FixedString(27)": "36 characters", "FixedString(16)": "32 hex digits"}


def view_columns(view: str) -> list[tuple[str, str, str]]:
    """Return name, type and sentence of each column that a view shows."""
    base = {column.name: column for column in columns_of(view)}
    selected = _SELECTED.findall(views()[view].partition("\nFROM ")[0])
    return [_view_column(view, name, base) for name in selected]


def _view_column(view: str, name: str, base: dict[str, Column]) -> tuple[str, str, str]:
    words = _OWN_WORDS.get((view, name), "")
    for ending, kind in _DECIMALS.items():
        if name + ending in base:
            return name, kind, words or base[name + ending].doc
    column = base.get(name)
    if column is None:
        return name, "Decimal(38, 4)" if name == "refunded" else "String", words
    if column.clickhouse in _IDS:
        issued = f" As {_IDS[column.clickhouse]}; empty for none."
        return name, "String", re.sub(r" \([^)]* as issued\)|; (all )?zero for [a-z]+", "", column.doc) + issued
    kind = "String" if words else column.clickhouse
    return name, kind, words or column.doc


# -------------------------------------------------------------------------------- settings and metrics


def _settings() -> str:
    intro = (
        "Each is one environment variable, read at the start. An unknown section or name, or a value that cannot be\n"
        "read, stops the start; all mistakes are told together. A name without `__` that is no setting is left alone:\n"
        "a program file may ask for it by `env:NAME`. The end of a name says the unit: `_MS`, `_S`, or what `_MAX`\n"
        "counts.\n"
    )
    sections, plain = [], []
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            members = type(field.default).model_fields
            rows = [_setting(f"{name}__{member}", told) for member, told in members.items()]
            sections.append(f"## {_doc(type(field.default)).rstrip('.')}\n\n{_table(_SETTING_HEAD, rows)}")
        else:
            plain.append(_setting(name, field))
    general = f"## General\n\n{_table(_SETTING_HEAD, plain)}"
    return _page("Settings", "runtime/settings.py", intro, general, *sections)


_SETTING_HEAD = ("Variable", "Default", "What it is")


def _setting(name: str, field: FieldInfo) -> tuple[str, str, str]:
    default = "none" if field.default is None else _code(str(field.default).lower())
    return _code(f"{PREFIX}{name.upper()}"), default, field.description or ""


def _metrics() -> str:
    intro = "`/metrics` shows them in Prometheus' text form, added up over the processes of `clew serve`.\n"
    kinds = (("Counters", COUNTERS), ("Gauges", GAUGES), ("Histograms", HISTOGRAMS))
    parts = []
    for title, listed in kinds:
        rows = [(_code(name), ", ".join(map(_code, labels)), doc) for name, (doc, labels) in listed.items()]
        parts.append(f"## {title}\n\n{_table(('Metric', 'Labels', 'What it is'), rows)}")
    return _page("Metrics", "runtime/metrics.py", intro, *parts)


# --------------------------------------------------------------------------------------------- reasons


def _reasons() -> str:
    parts = [
        f"## Rejected hits\n\nColumn `reason` of `{ANALYST}.rejected`, and `reason` in answers.\n\n{_words(Reason)}",
        "## No credit\n\nWhy a touch, or a whole conversion, got no credit: column `reason` of "
        f"`{ANALYST}.credits`, and `clew explain`.\n\n{_words(NoCredit)}",
        f"## Problems\n\nWhat `clew problems` lists; nothing is held up by one.\n\n{_words(Problem)}",
        f"## Bots\n\nBits of column `bot_reasons`; a touch with one that decides is a bot's.\n\n{_bot_bits()}",
    ]
    return _page("Reasons", "schemas/reasons.py and ingest/bots.py", "Closed lists.\n", *parts)


def _words(listed: type[StrEnum]) -> str:
    return _table(("Reason", "What it says"), [(_code(member.value), member.__doc__ or "") for member in listed])


def _bot_bits() -> str:
    rows = [
        (str(int(bit)), _code((bit.name or "").lower()), "yes" if bit & BOT_BITS else "no", doc)
        for bit, doc in BOT_REASONS.items()
    ]
    return _table(("Bit", "Name", "Decides", "What it says"), rows)


if __name__ == "__main__":
    main()
